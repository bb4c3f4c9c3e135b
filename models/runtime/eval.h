#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/backend/context.h"
#include "models/weights/weight_table.h"

// `vedette models eval`: a model folder run on named tensors, for comparison with its reference
// implementation.
namespace vedette::models::runtime {

struct EvalOptions {
  std::optional<tensor::DType> dtype;  // f32 or bf16; empty: what the processor prefers
  int generate = 0;                    // greedy tokens to add as `greedy_tokens`; 0: none
  int threads = 0;                     // 0: one per core
};

// Reads config.json's model_type, runs that family on the tensors of `inputs` (transformers' argument names)
// and writes what it gives to `outputs`: `logits`, `greedy_tokens` ... as f32 and i64. Throws:
// std::runtime_error or std::invalid_argument naming the file, tensor, expected and received.
void eval_folder(const std::filesystem::path& folder, const std::filesystem::path& inputs,
                 const std::filesystem::path& outputs, const EvalOptions& options);

// What a family's evaluation works on and gives back.
struct EvalJob {
  backend::ComputeContext& context;
  const std::filesystem::path& folder;
  const weights::WeightTable& inputs;
  int generate = 0;
};
struct EvalOutput {
  std::string name;
  tensor::Tensor tensor;
};
using EvalFunction = std::vector<EvalOutput> (*)(const EvalJob& job);

// One function per family; the table of them is in eval.cpp.
std::vector<EvalOutput> eval_llama(const EvalJob& job);

// A tensor of whole numbers or truth values (bool, int32, int64). Throws: as WeightTable::get; for other
// types.
std::vector<std::int64_t> read_integers(const weights::Weight& weight);

}  // namespace vedette::models::runtime
