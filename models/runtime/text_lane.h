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
// a chunk of the prompts and of the sessions' pieces that are not through yet. A generation reserves its
// pages when it begins, so none can fail half-way; one that continues a session begins as a fork of it, once
// the session has seen what it was given before. Belongs to the engine's thread, but for open_session.
class TextLane final : public Lane<TextJob>, public SessionOpener {
 public:
  // All must outlive the lane. `end_tokens` finish a generation and are not part of its text.
  TextLane(const language::Decoder& decoder, layers::KvPool& pool, backend::ComputeContext& context,
           const text::Tokenizer& tokenizer, std::vector<std::int32_t> end_tokens,
           const TextLaneOptions& options = {});

  // Sessions that live on are empty from then on.
  ~TextLane() override;

  std::size_t slots() const override { return options_.slots; }
  bool admit(TextJob& job) override;
  void step(std::span<TextJob* const> jobs) override;
  void release(TextJob& job) override { job.state.reset(); }
  std::shared_ptr<StoredSession> open_session(SessionOptions options, StoredSession::Wake wake) override;

 private:
  struct Generation;
  // Whose rows a slice holds.
  struct Sliced {
    TextJob* job = nullptr;
    bool of_session = false;
  };

  std::int64_t most_tokens() const;
  std::int64_t share() const;
  bool begin(TextJob& job);
  std::int64_t make_room(StoredSession& session, std::int64_t count);
  bool trim_sessions();
  void gather(std::span<TextJob* const> jobs);
  void gather_prompt(TextJob& job, std::int64_t& left);
  void gather_session(std::span<TextJob* const> jobs, TextJob& job, std::int64_t& left);
  void add(TextJob& job, layers::KvSequence& sequence, std::int64_t count, language::Logits logits,
           bool of_session);
  void account(std::span<TextJob* const> jobs, backend::Matrix logits);
  void take(TextJob& job, std::span<const float> logits);
  void take_score(TextJob& job, std::span<const float> logits);
  bool is_end(std::int32_t token) const;

  const language::Decoder& decoder_;
  layers::KvPool& pool_;
  backend::ComputeContext& context_;
  const text::Tokenizer& tokenizer_;
  const std::vector<std::int32_t> end_tokens_;
  const TextLaneOptions options_;

  // The batch of one step.
  std::vector<std::int32_t> tokens_;
  std::vector<float> embeddings_;  // [rows that tokens_ call for, hidden]
  std::vector<language::DecoderSlice> slices_;
  std::vector<Sliced> sliced_;
  const std::shared_ptr<SessionRegistry> registry_ = std::make_shared<SessionRegistry>();
};

}  // namespace vedette::models::runtime
