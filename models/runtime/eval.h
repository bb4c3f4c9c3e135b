#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "models/runtime/family.h"

// `vedette models eval` and `vedette models bench`.
namespace vedette::models::runtime {

struct EvalOptions {
  std::optional<tensor::DType> dtype;  // f32 or bf16; empty: what the processor prefers
  int generate = 0;                    // greedy tokens to add as `greedy_tokens`; 0: none
  int threads = 0;                     // 0: one per core
};

// Runs the folder's family on the tensors of `inputs` and writes what it gives to `outputs`: `logits`,
// `greedy_tokens` and so on. Throws: std::runtime_error or std::invalid_argument naming the file, tensor,
// expected and received.
void eval_folder(const std::filesystem::path& folder, const std::filesystem::path& inputs,
                 const std::filesystem::path& outputs, const EvalOptions& options);

struct BenchOptions {
  std::optional<tensor::DType> dtype;  // as in EvalOptions
  int threads = 0;                     // 0: one per core
  int repeats = 5;                     // of each measurement; the median is given
};

// Measures a folder's speed on made-up inputs. Throws: as eval_folder.
std::vector<BenchResult> bench_folder(const std::filesystem::path& folder, const BenchOptions& options);

}  // namespace vedette::models::runtime
