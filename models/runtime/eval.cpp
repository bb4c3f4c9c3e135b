#include "models/runtime/eval.h"

#include <stdexcept>

#include "models/backend/cpu/cpu_backend.h"
#include "models/weights/safetensors_writer.h"

namespace vedette::models::runtime {

namespace {

// A device, threads and a context for one command.
struct Machine {
  Machine(std::optional<tensor::DType> dtype, int threads)
      : pool(threads),
        backend(backend::cpu::make_cpu_backend(&pool)),
        context(*backend, pool, dtype.value_or(backend->preferred_dtype())) {}

  backend::WorkerPool pool;
  std::unique_ptr<backend::Backend> backend;
  backend::ComputeContext context;
};

}  // namespace

void eval_folder(const std::filesystem::path& folder, const std::filesystem::path& inputs,
                 const std::filesystem::path& outputs, const EvalOptions& options) {
  if (options.generate < 0) throw std::invalid_argument("generate: expected 0 or more");
  const ModelFamily& family = family_of(folder);
  const auto tensors = weights::WeightTable::open_file(inputs);
  Machine machine(options.dtype, options.threads);
  const std::vector<EvalOutput> results = family.eval({machine.context, folder, tensors, options.generate});
  std::vector<weights::NamedTensor> named;
  for (const EvalOutput& result : results) named.push_back({result.name, result.tensor.view()});
  weights::write_safetensors(outputs, named);
}

std::vector<BenchResult> bench_folder(const std::filesystem::path& folder, const BenchOptions& options) {
  if (options.repeats < 1) throw std::invalid_argument("repeats: expected 1 or more");
  const ModelFamily& family = family_of(folder);
  Machine machine(options.dtype, options.threads);
  return family.bench({machine.context, folder, options.repeats});
}

}  // namespace vedette::models::runtime
