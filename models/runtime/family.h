#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "models/backend/context.h"
#include "models/weights/weight_table.h"

// What `vedette models eval` and `bench` need of a model family. A family is one row of the table in
// family.cpp.
namespace vedette::models::runtime {

// A model folder to run on named tensors (transformers' argument names).
struct EvalJob {
  backend::ComputeContext& context;
  const std::filesystem::path& folder;
  const weights::WeightTable& inputs;
  int generate = 0;  // greedy tokens to add; 0: none
};
struct EvalOutput {
  std::string name;
  tensor::Tensor tensor;  // f32 or i64, on the CPU
};

struct BenchJob {
  backend::ComputeContext& context;
  const std::filesystem::path& folder;
  int repeats = 5;  // at least 1
};
// One measured figure: the median of the repeats and its range.
struct BenchResult {
  std::string name;
  double median = 0.0, low = 0.0, high = 0.0;
  const char* unit = "";
};

struct ModelFamily {
  const char* model_type;  // as config.json has it
  std::vector<EvalOutput> (*eval)(const EvalJob& job);
  std::vector<BenchResult> (*bench)(const BenchJob& job);
};

// The family that the folder's config.json names.
// Throws: std::runtime_error naming the file, the types that are known and the one that stands there.
const ModelFamily& family_of(const std::filesystem::path& folder);

std::vector<EvalOutput> eval_llama(const EvalJob& job);
std::vector<BenchResult> bench_llama(const BenchJob& job);
std::vector<EvalOutput> eval_vit(const EvalJob& job);
std::vector<BenchResult> bench_vit(const BenchJob& job);
std::vector<EvalOutput> eval_contrastive(const EvalJob& job);  // CLIP and SigLIP
std::vector<BenchResult> bench_contrastive(const BenchJob& job);
std::vector<EvalOutput> eval_idefics3(const EvalJob& job);  // and SmolVLM
std::vector<BenchResult> bench_idefics3(const BenchJob& job);
std::vector<EvalOutput> eval_whisper(const EvalJob& job);
std::vector<BenchResult> bench_whisper(const BenchJob& job);

// A tensor of whole numbers or truth values (bool, int32, int64). Throws: std::runtime_error for other types.
std::vector<std::int64_t> read_integers(const weights::Weight& weight);

// The samples' median and range as a result. Requires: there is a sample.
BenchResult summarise(std::string name, std::vector<double> samples, const char* unit);

}  // namespace vedette::models::runtime
