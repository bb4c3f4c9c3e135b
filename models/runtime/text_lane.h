#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/backend/context.h"
#include "models/language/decoder.h"
#include "models/layers/kv_pool.h"
#include "models/runtime/jobs.h"
#include "models/text/tokenizer.h"

namespace vedette::models::runtime {

struct TextLaneOptions {
  std::size_t slots = 16;  // generations that run at once
  std::int64_t chunk =
      128;  // prompt tokens per step, of all generations together: bounds how long a step takes
  std::int64_t context = 0;  // longest prompt plus answer, tokens; 0: what the model allows
};

// Continuous batching for the resident LLM: every step carries one new token of each running generation, and
// a chunk of the prompts that are not through yet. A generation reserves its pages when it begins, so none
// can fail half-way. Belongs to the engine's thread.
class TextLane final : public Lane<TextJob> {
 public:
  // All must outlive the lane. `end_tokens` finish a generation and are not part of its text.
  TextLane(const language::Decoder& decoder, layers::KvPool& pool, backend::ComputeContext& context,
           const text::Tokenizer& tokenizer, std::vector<std::int32_t> end_tokens,
           const TextLaneOptions& options = {});

  std::size_t slots() const override { return options_.slots; }
  bool admit(TextJob& job) override;
  void step(std::span<TextJob* const> jobs) override;
  void release(TextJob& job) override { job.state.reset(); }

 private:
  struct Generation;

  void gather(std::span<TextJob* const> jobs);
  void take(TextJob& job, std::span<const float> logits);
  bool is_end(std::int32_t token) const;

  const language::Decoder& decoder_;
  layers::KvPool& pool_;
  backend::ComputeContext& context_;
  const text::Tokenizer& tokenizer_;
  const std::vector<std::int32_t> end_tokens_;
  const TextLaneOptions options_;

  // The batch of one step.
  std::vector<std::int32_t> tokens_;
  std::vector<language::DecoderSlice> slices_;
  std::vector<TextJob*> sliced_;
};

}  // namespace vedette::models::runtime
