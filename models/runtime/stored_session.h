#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "models/layers/kv_pool.h"
#include "models/runtime/engine.h"

namespace vedette::models::runtime {

class StoredSession;

// The sessions of one lane. A session may outlive the lane and its KV pool: then it is empty. Thread-safe.
struct SessionRegistry {
  std::mutex mutex;
  std::vector<StoredSession*> sessions;  // all that have pages in the lane's pool
};

// What a prompt must fit.
struct PromptLimits {
  std::int64_t vocabulary = 0, hidden = 0;
  // Throws: std::invalid_argument naming what does not fit.
  void check(const std::vector<std::int32_t>& tokens, const tensor::Tensor& embeddings) const;
};

// Puts tokens [first, first + count) of a prompt behind `tokens`, and those rows that they call for, as f32,
// behind `embeddings`. `embedding` is the next such row, and is moved on.
void append_prompt(std::span<const std::int32_t> prompt, const tensor::Tensor& rows, std::size_t first,
                   std::size_t count, std::int64_t& embedding, std::vector<std::int32_t>& tokens,
                   std::vector<float>& embeddings);

// A stream's growing prompt in the engine: the pieces that wait, and the keys and values of what has run.
// Any thread may append; what stands below "engine's thread" belongs to that thread.
class StoredSession final : public PromptSession, public std::enable_shared_from_this<StoredSession> {
 public:
  // Is told, on the appending thread, that pieces wait; not again before caught_up() or give_up().
  using Wake = std::function<void(std::shared_ptr<StoredSession>)>;

  // Throws: std::invalid_argument as PromptSession::append. `sequence` comes from the pool of the registry's
  // lane.
  StoredSession(SessionOptions options, const PromptLimits& limits, layers::KvSequence sequence,
                std::shared_ptr<SessionRegistry> registry, Wake wake);
  ~StoredSession() override;

  void append(PromptPiece piece) override;
  std::int64_t forgotten_tokens() const override;
  // Tokens given so far, the head's included: what a request that comes now has to see.
  std::int64_t given_tokens() const;
  const std::shared_ptr<SessionRegistry>& registry() const { return registry_; }
  int most_tokens() const { return most_tokens_; }

  // Engine's thread:
  layers::KvSequence& sequence() { return *sequence_; }
  std::int64_t head_tokens() const { return head_tokens_; }
  // Tokens that must still run before a fork may be taken that sees the first `given` ones, and whole pieces
  // only. Requires: collect() was called.
  std::int64_t left_before_fork(std::int64_t given) const;
  // Takes over what waits. Result: tokens that have not run.
  std::int64_t collect();
  // Copies the next `count` of them, and their rows of embeddings, behind what stands there.
  // Requires: count is at most what collect() gave.
  void read(std::int64_t count, std::vector<std::int32_t>& tokens, std::vector<float>& embeddings) const;
  // They have run.
  void advance(std::int64_t count);
  // `count` tokens behind the head were evicted.
  void forget(std::int64_t count);
  // True when nothing waits: the next append wakes the engine again.
  bool caught_up();
  // The same, whatever waits.
  void give_up();
  // The pool goes; called with the registry's mutex held.
  void close() { sequence_.reset(); }

 private:
  const PromptLimits limits_;
  const std::int64_t head_tokens_;
  const int most_tokens_;
  const std::shared_ptr<SessionRegistry> registry_;
  const Wake wake_;

  mutable std::mutex mutex_;
  std::deque<PromptPiece> waiting_;
  std::int64_t waiting_tokens_ = 0;
  std::int64_t given_ = 0, forgotten_ = 0;
  std::int64_t seen_ = 0;     // of the given ones, in their order, those that ran or were dropped before
  std::int64_t dropped_ = 0;  // behind the line, not yet counted as seen
  bool woken_ = false;

  // Engine's thread:
  std::optional<layers::KvSequence> sequence_;
  std::deque<PromptPiece> line_;
  std::int64_t line_tokens_ = 0;      // of the line that have not run
  std::size_t first_token_ = 0;       // of the line's first piece, those that have run
  std::int64_t first_embedding_ = 0;  // and their rows
};

}  // namespace vedette::models::runtime
