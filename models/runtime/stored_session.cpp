#include "models/runtime/stored_session.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "models/language/decoder.h"
#include "models/tensor/convert.h"

namespace vedette::models::runtime {

void PromptLimits::check(const std::vector<std::int32_t>& tokens, const tensor::Tensor& embeddings) const {
  std::int64_t rows = 0;
  for (const std::int32_t token : tokens) {
    if (token == language::kEmbeddingRow) {
      ++rows;
    } else if (token < 0 || token >= vocabulary) {
      throw std::invalid_argument("the prompt has token " + std::to_string(token) + ", the vocabulary has " +
                                  std::to_string(vocabulary));
    }
  }
  const tensor::TensorView view = embeddings.view();
  if (rows == 0 && view.empty()) return;
  const bool fits = !view.empty() && view.shape().rank() == 2 && view.shape()[0] == rows &&
                    view.shape()[1] == hidden &&
                    (view.dtype() == tensor::DType::kF32 || view.dtype() == tensor::DType::kBF16);
  if (!fits) {
    throw std::invalid_argument(
        "the prompt calls for embeddings [" + std::to_string(rows) + ", " + std::to_string(hidden) +
        "] f32 or bf16, received " +
        (view.empty() ? "none" : view.shape().to_string() + " " + tensor::to_string(view.dtype())));
  }
}

StoredSession::StoredSession(SessionOptions options, const PromptLimits& limits, layers::KvSequence sequence,
                             std::shared_ptr<SessionRegistry> registry, Wake wake)
    : limits_(limits),
      head_tokens_(static_cast<std::int64_t>(options.head.tokens.size())),
      most_tokens_(options.most_tokens),
      registry_(std::move(registry)),
      wake_(std::move(wake)),
      given_(head_tokens_),
      sequence_(std::move(sequence)) {
  limits.check(options.head.tokens, options.head.embeddings);
  line_tokens_ = head_tokens_;
  if (head_tokens_ > 0) line_.push_back(std::move(options.head));
  const std::lock_guard lock(registry_->mutex);
  registry_->sessions.push_back(this);
}

StoredSession::~StoredSession() {
  const std::lock_guard lock(registry_->mutex);
  std::erase(registry_->sessions, this);
  sequence_.reset();  // while the lane cannot go
}

void StoredSession::append(PromptPiece piece) {
  limits_.check(piece.tokens, piece.embeddings);
  const auto count = static_cast<std::int64_t>(piece.tokens.size());
  if (count > most_tokens_ - head_tokens_) {
    throw std::invalid_argument("a piece of " + std::to_string(count) + " tokens, the session has room for " +
                                std::to_string(most_tokens_ - head_tokens_));
  }
  if (count == 0) return;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    given_ += count;
    waiting_tokens_ += count;
    waiting_.push_back(std::move(piece));
    // What would be evicted at once need not run.
    while (waiting_tokens_ > most_tokens_ - head_tokens_) {
      const auto dropped = static_cast<std::int64_t>(waiting_.front().tokens.size());
      waiting_.pop_front();
      waiting_tokens_ -= dropped;
      forgotten_ += dropped;
      dropped_ += dropped;
    }
    wake = !std::exchange(woken_, true);
  }
  if (wake && wake_) wake_(shared_from_this());
}

std::int64_t StoredSession::forgotten_tokens() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

std::int64_t StoredSession::given_tokens() const {
  const std::lock_guard lock(mutex_);
  return given_;
}

std::int64_t StoredSession::left_before_fork(std::int64_t given) const {
  if (line_tokens_ == 0) return 0;
  std::int64_t unseen = 0;
  {
    const std::lock_guard lock(mutex_);
    unseen = given - seen_;
  }
  if (unseen > 0) return std::min(unseen, line_tokens_);
  return first_token_ == 0 ? 0 : static_cast<std::int64_t>(line_.front().tokens.size() - first_token_);
}

std::int64_t StoredSession::collect() {
  const std::lock_guard lock(mutex_);
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(line_));
  waiting_.clear();
  line_tokens_ += std::exchange(waiting_tokens_, 0);
  return line_tokens_;
}

void StoredSession::read(std::int64_t count, std::vector<std::int32_t>& tokens,
                         std::vector<float>& embeddings) const {
  std::size_t token = first_token_;
  std::int64_t embedding = first_embedding_;
  for (auto piece = line_.begin(); count > 0; ++piece, token = 0, embedding = 0) {
    const std::size_t here = std::min(static_cast<std::size_t>(count), piece->tokens.size() - token);
    append_prompt(piece->tokens, piece->embeddings, token, here, embedding, tokens, embeddings);
    count -= static_cast<std::int64_t>(here);
  }
}

void StoredSession::advance(std::int64_t count) {
  line_tokens_ -= count;
  {
    const std::lock_guard lock(mutex_);
    seen_ += count;
    if (line_tokens_ == 0) seen_ += std::exchange(dropped_, 0);
  }
  while (count > 0) {
    const PromptPiece& piece = line_.front();
    const std::size_t here = std::min(static_cast<std::size_t>(count), piece.tokens.size() - first_token_);
    const auto begin = piece.tokens.begin() + static_cast<std::ptrdiff_t>(first_token_);
    first_embedding_ += std::count(begin, begin + static_cast<std::ptrdiff_t>(here), language::kEmbeddingRow);
    first_token_ += here;
    count -= static_cast<std::int64_t>(here);
    if (first_token_ < piece.tokens.size()) continue;
    line_.pop_front();
    first_token_ = 0;
    first_embedding_ = 0;
  }
}

void StoredSession::forget(std::int64_t count) {
  const std::lock_guard lock(mutex_);
  forgotten_ += count;
}

bool StoredSession::caught_up() {
  const std::lock_guard lock(mutex_);
  if (line_tokens_ > 0 || waiting_tokens_ > 0) return false;
  woken_ = false;
  return true;
}

void StoredSession::give_up() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
}

void append_prompt(std::span<const std::int32_t> prompt, const tensor::Tensor& rows, std::size_t first,
                   std::size_t count, std::int64_t& embedding, std::vector<std::int32_t>& tokens,
                   std::vector<float>& embeddings) {
  const auto part = prompt.subspan(first, count);
  tokens.insert(tokens.end(), part.begin(), part.end());
  const auto called = std::count(part.begin(), part.end(), language::kEmbeddingRow);
  if (called == 0) return;
  const std::size_t before = embeddings.size();
  const tensor::TensorView view = rows.view().rows(embedding, called);
  embeddings.resize(before + static_cast<std::size_t>(view.count()));
  tensor::to_f32(view, std::span(embeddings).subspan(before));
  embedding += called;
}

}  // namespace vedette::models::runtime
