#include "models/runtime/eval.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/backend/cpu/cpu_backend.h"
#include "models/weights/file_map.h"
#include "models/weights/safetensors_writer.h"

namespace vedette::models::runtime {

namespace {

struct Family {
  const char* model_type;
  EvalFunction eval;
};

constexpr Family kFamilies[] = {
    {"llama", eval_llama},
};

EvalFunction family_of(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  const auto config = nlohmann::json::parse(weights::read_text_file(file), nullptr, false);
  const std::string type =
      config.is_object() && config.contains("model_type") && config["model_type"].is_string()
          ? config["model_type"]
          : "";
  std::string known;
  for (const Family& family : kFamilies) {
    if (type == family.model_type) return family.eval;
    known += (known.empty() ? "" : ", ") + std::string(family.model_type);
  }
  throw std::runtime_error(file.string() + ": model_type: expected one of " + known + ", received \"" + type +
                           "\"");
}

template <class T>
void append(const tensor::TensorView& view, std::vector<std::int64_t>& values) {
  for (const T value :
       std::span(static_cast<const T*>(view.data()), static_cast<std::size_t>(view.count()))) {
    values.push_back(value);
  }
}

}  // namespace

std::vector<std::int64_t> read_integers(const weights::Weight& weight) {
  std::vector<std::int64_t> values;
  values.reserve(static_cast<std::size_t>(weight.view.count()));
  switch (weight.view.dtype()) {
    case tensor::DType::kI64: append<std::int64_t>(weight.view, values); break;
    case tensor::DType::kI32: append<std::int32_t>(weight.view, values); break;
    case tensor::DType::kU8: append<std::uint8_t>(weight.view, values); break;
    default:
      throw std::runtime_error(weight.file.string() + ": " + weight.name +
                               ": expected bool, i32 or i64, received " +
                               tensor::to_string(weight.view.dtype()));
  }
  return values;
}

void eval_folder(const std::filesystem::path& folder, const std::filesystem::path& inputs,
                 const std::filesystem::path& outputs, const EvalOptions& options) {
  const EvalFunction eval = family_of(folder);
  const auto tensors = weights::WeightTable::open_file(inputs);
  const auto backend = backend::cpu::make_cpu_backend();
  backend::WorkerPool pool(options.threads);
  backend::ComputeContext context(*backend, pool, options.dtype.value_or(backend->preferred_dtype()));
  const std::vector<EvalOutput> results = eval({context, folder, tensors, options.generate});
  std::vector<weights::NamedTensor> named;
  for (const EvalOutput& result : results) named.push_back({result.name, result.tensor.view()});
  weights::write_safetensors(outputs, named);
}

}  // namespace vedette::models::runtime
