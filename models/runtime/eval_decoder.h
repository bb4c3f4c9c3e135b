#pragma once

#include <vector>

#include "models/language/decoder.h"
#include "models/runtime/family.h"

namespace vedette::models::runtime {

// The rows of input_ids [batch, length] without their padding, one behind the other.
struct EvalPrompts {
  std::int64_t batch = 0, length = 0;
  std::vector<std::int32_t> tokens = {};
  std::vector<std::int64_t> places = {};  // of each token in [batch * length]
  std::vector<std::int64_t> counts = {};  // tokens of each row
};

// Throws: std::runtime_error naming file, tensor, expected and received.
EvalPrompts read_prompts(const EvalJob& job, std::int64_t vocabulary);

// `logits` and, where asked for, `greedy_tokens`. embeddings: the rows that stand for kEmbeddingRow tokens.
std::vector<EvalOutput> eval_prompts(const EvalJob& job, const language::Decoder& decoder,
                                     const EvalPrompts& prompts, backend::Matrix embeddings = {});

}  // namespace vedette::models::runtime
