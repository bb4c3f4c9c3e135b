#include "models/runtime/family.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/weights/file_map.h"

namespace vedette::models::runtime {

namespace {

constexpr ModelFamily kFamilies[] = {
    {"clip", eval_contrastive, bench_contrastive},
    {"clip_vision_model", eval_contrastive, bench_contrastive},
    {"idefics3", eval_idefics3, bench_idefics3},
    {"llama", eval_llama, bench_llama},
    {"siglip", eval_contrastive, bench_contrastive},
    {"siglip_vision_model", eval_contrastive, bench_contrastive},
    {"smolvlm", eval_idefics3, bench_idefics3},
    {"vit", eval_vit, bench_vit},
    {"whisper", eval_whisper, bench_whisper},
};

template <class T>
void append(const tensor::TensorView& view, std::vector<std::int64_t>& values) {
  const std::span elements(static_cast<const T*>(view.data()), static_cast<std::size_t>(view.count()));
  values.insert(values.end(), elements.begin(), elements.end());
}

}  // namespace

const ModelFamily& family_of(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  const auto config = nlohmann::json::parse(weights::read_text_file(file), nullptr, false);
  std::string type, known;
  if (config.is_object() && config.contains("model_type") && config["model_type"].is_string()) {
    type = config["model_type"];
  }
  for (const ModelFamily& family : kFamilies) {
    if (type == family.model_type) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.model_type);
  }
  throw std::runtime_error(file.string() + ": model_type: expected " + known + ", received \"" + type + "\"");
}

std::vector<std::int64_t> read_integers(const weights::Weight& weight) {
  std::vector<std::int64_t> values;
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

BenchResult summarise(std::string name, std::vector<double> samples, const char* unit) {
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  const double median =
      samples.size() % 2 != 0 ? samples[middle] : 0.5 * (samples[middle - 1] + samples[middle]);
  return {std::move(name), median, samples.front(), samples.back(), unit};
}

}  // namespace vedette::models::runtime
