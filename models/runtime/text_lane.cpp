#include "models/runtime/text_lane.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "models/language/sampling.h"

namespace vedette::models::runtime {

namespace {

void check_choices(const std::vector<std::vector<std::int32_t>>& choices, std::int64_t vocabulary) {
  if (choices.empty()) throw std::invalid_argument("a score of no choices");
  for (const auto& tokens : choices) {
    if (tokens.empty()) throw std::invalid_argument("a choice without tokens");
    for (const std::int32_t token : tokens) {
      if (token < 0 || token >= vocabulary)
        throw std::invalid_argument("a choice has token " + std::to_string(token) + ", the vocabulary has " +
                                    std::to_string(vocabulary));
    }
  }
}

}  // namespace

struct TextLane::Generation final : TextJob::State {
  Generation(const text::Tokenizer& tokenizer, const TextRequest& request, std::int64_t vocabulary)
      : detokenizer(tokenizer),
        sampler({.temperature = request.temperature, .top_p = request.top_p, .seed = request.seed},
                vocabulary) {}

  bool in_prompt(const TextRequest& request) const { return prompt_done < request.prompt.size(); }

  std::optional<layers::KvSequence> sequence;  // none yet: it waits for its session
  text::Detokenizer detokenizer;
  language::Sampler sampler;
  std::size_t prompt_done = 0;      // tokens of the prompt that went through the model
  std::int64_t embedding_done = 0;  // and their rows of embeddings
  std::int32_t next = 0;            // the token that goes in next, behind the prompt
};

TextLane::TextLane(const language::Decoder& decoder, layers::KvPool& pool, backend::ComputeContext& context,
                   const text::Tokenizer& tokenizer, std::vector<std::int32_t> end_tokens,
                   const TextLaneOptions& options)
    : decoder_(decoder),
      pool_(pool),
      context_(context),
      tokenizer_(tokenizer),
      end_tokens_(std::move(end_tokens)),
      options_(options) {
  tokens_.reserve(static_cast<std::size_t>(options.chunk) + options.slots);
  embeddings_.reserve(static_cast<std::size_t>(options.chunk * decoder.config().hidden));
  slices_.reserve(2 * options.slots);
  sliced_.reserve(2 * options.slots);
}

TextLane::~TextLane() {
  const std::lock_guard lock(registry_->mutex);
  for (StoredSession* session : registry_->sessions) session->close();
}

// Of one prompt and its answer.
std::int64_t TextLane::most_tokens() const {
  const std::int64_t model = options_.context > 0 ? options_.context : decoder_.config().context;
  return std::min(model, pool_.token_capacity());
}

std::shared_ptr<StoredSession> TextLane::open_session(SessionOptions options, StoredSession::Wake wake) {
  const std::int64_t page = pool_.layout().page_tokens;
  const auto head = static_cast<std::int64_t>(options.head.tokens.size());
  const std::int64_t least = head + 4 * page, most = most_tokens() - page;
  if (options.most_tokens < least || options.most_tokens > most) {
    throw std::invalid_argument("a session of at most " + std::to_string(options.most_tokens) +
                                " tokens, expected " + std::to_string(least) + " to " + std::to_string(most));
  }
  const PromptLimits limits{decoder_.config().vocabulary, decoder_.config().hidden};
  layers::KvSequence sequence = pool_.make_sequence(options.most_tokens);
  return std::make_shared<StoredSession>(std::move(options), limits, std::move(sequence), registry_,
                                         std::move(wake));
}

bool TextLane::admit(TextJob& job) {
  if (job.kind == TextJob::Kind::kAppend) return true;
  const TextRequest& request = job.request;
  const auto prompt = static_cast<std::int64_t>(request.prompt.size());
  if (prompt == 0) throw std::invalid_argument("the prompt is empty");
  if (request.session != nullptr && (job.session == nullptr || job.session->registry() != registry_))
    throw std::invalid_argument("the session is not one of this engine's");
  const std::int64_t before = job.session == nullptr ? 0 : job.session->most_tokens();
  const std::int64_t longest = before + prompt + std::max(request.max_new_tokens, 1);
  if (longest > most_tokens()) {
    throw std::invalid_argument("prompt and answer take " + std::to_string(longest) +
                                " tokens, the model has room for " + std::to_string(most_tokens()));
  }
  const PromptLimits limits{decoder_.config().vocabulary, decoder_.config().hidden};
  limits.check(request.prompt, request.embeddings);
  if (job.kind == TextJob::Kind::kScore) check_choices(job.choices, decoder_.config().vocabulary);
  auto generation = std::make_unique<Generation>(tokenizer_, request, decoder_.config().vocabulary);
  if (job.session == nullptr) {
    layers::KvSequence sequence = pool_.make_sequence(longest);
    if (!sequence.reserve(longest) && !(trim_sessions() && sequence.reserve(longest))) return false;
    generation->sequence.emplace(std::move(sequence));
  }
  job.state = std::move(generation);
  job.result.prompt_tokens = static_cast<int>(prompt);
  job.result.tokens.reserve(static_cast<std::size_t>(std::max(request.max_new_tokens, 1)));
  return true;
}

// A fork of the session, with room for all that comes. False while the session is behind or the pool is full.
bool TextLane::begin(TextJob& job) {
  auto& generation = static_cast<Generation&>(*job.state);
  if (generation.sequence) return true;
  job.session->collect();
  if (job.session->left_before_fork(job.session_given) > 0) return false;
  const std::int64_t more =
      static_cast<std::int64_t>(job.request.prompt.size()) + std::max(job.request.max_new_tokens, 1);
  layers::KvSequence fork = job.session->sequence().fork(job.session->sequence().tokens() + more);
  if (!fork.reserve(more)) return false;
  generation.sequence.emplace(std::move(fork));
  return true;
}

// Tokens that each session may keep: together three quarters of the pool, so that requests find room.
std::int64_t TextLane::share() const {
  const auto sessions = static_cast<std::int64_t>(registry_->sessions.size());
  return pool_.token_capacity() * 3 / 4 / std::max<std::int64_t>(1, sessions);
}

// Makes room for up to `count` more tokens; what does not fit evicts the oldest pages behind the head.
// Result: for how many there is room now. Requires: the registry's mutex is held.
std::int64_t TextLane::make_room(StoredSession& session, std::int64_t count) {
  layers::KvSequence& sequence = session.sequence();
  const std::int64_t page = pool_.layout().page_tokens;
  const std::int64_t kept = (session.head_tokens() + page - 1) / page * page;
  const std::int64_t most = std::min<std::int64_t>(session.most_tokens(), std::max(share(), kept + 2 * page));
  if (sequence.tokens() + count > most && sequence.tokens() > kept) {
    const std::int64_t wanted = std::max(sequence.tokens() + count - most, (most - kept) / 4);
    const std::int64_t there = sequence.tokens() / page * page - kept;
    const std::int64_t evicted = std::min(there, (wanted + page - 1) / page * page);
    if (!sequence.evict(context_, decoder_.config().rope, kept, evicted)) return 0;
    session.forget(evicted);
  }
  const std::int64_t room = std::clamp<std::int64_t>(most - sequence.tokens(), 0, count);
  return sequence.reserve(room) ? room : 0;
}

// Takes pages from sessions that hold more than their share. False when there are none.
bool TextLane::trim_sessions() {
  const std::lock_guard lock(registry_->mutex);
  const std::int64_t before = pool_.free_pages();
  for (StoredSession* session : registry_->sessions) make_room(*session, 0);
  return pool_.free_pages() > before;
}

void TextLane::add(TextJob& job, layers::KvSequence& sequence, std::int64_t count, language::Logits logits,
                   bool of_session) {
  slices_.push_back({&sequence, static_cast<std::int64_t>(tokens_.size()) - count, count, logits});
  sliced_.push_back({&job, of_session});
}

// The session's next tokens, as far as the chunk reaches, and not past those that a request waits for; once
// per step, whoever asks.
void TextLane::gather_session(std::span<TextJob* const> jobs, TextJob& job, std::int64_t& left) {
  StoredSession& session = *job.session;
  for (const auto& slice : slices_) {
    if (slice.sequence == &session.sequence()) return;
  }
  std::int64_t wanted = std::min(left, session.collect());
  for (const TextJob* other : jobs) {
    const auto* generation = static_cast<const Generation*>(other->state.get());
    if (other->session == job.session && generation != nullptr && !generation->sequence)
      wanted = std::min(wanted, session.left_before_fork(other->session_given));
  }
  if (wanted == 0) return;
  const std::lock_guard lock(registry_->mutex);
  const std::int64_t count = make_room(session, wanted);
  if (count == 0) return;
  session.read(count, tokens_, embeddings_);
  left -= count;
  add(job, session.sequence(), count, language::Logits::kNone, true);
}

void TextLane::gather_prompt(TextJob& job, std::int64_t& left) {
  auto& generation = static_cast<Generation&>(*job.state);
  const auto& prompt = job.request.prompt;
  const std::size_t count = std::min(static_cast<std::size_t>(left), prompt.size() - generation.prompt_done);
  append_prompt(prompt, job.request.embeddings, generation.prompt_done, count, generation.embedding_done,
                tokens_, embeddings_);
  generation.prompt_done += count;
  left -= static_cast<std::int64_t>(count);
  add(job, *generation.sequence, static_cast<std::int64_t>(count),
      generation.in_prompt(job.request) ? language::Logits::kNone : language::Logits::kLast, false);
}

// Rows of the step: what generates first, then prompts and sessions, as far as the chunk reaches, highest
// priority first.
void TextLane::gather(std::span<TextJob* const> jobs) {
  tokens_.clear();
  embeddings_.clear();
  slices_.clear();
  sliced_.clear();
  const auto generation_of = [](TextJob& job) { return static_cast<Generation*>(job.state.get()); };
  for (TextJob* job : jobs) {
    Generation* generation = generation_of(*job);
    if (generation == nullptr || generation->in_prompt(job->request)) continue;
    tokens_.push_back(generation->next);
    add(*job, *generation->sequence, 1, language::Logits::kLast, false);
  }
  std::int64_t left = options_.chunk;
  for (int priority = 0; priority < 4; ++priority) {
    for (TextJob* job : jobs) {
      if (left == 0 || static_cast<int>(job->priority) != priority) continue;
      const Generation* generation = generation_of(*job);
      if (generation == nullptr) {
        gather_session(jobs, *job, left);
      } else if (generation->in_prompt(job->request)) {
        if (begin(*job)) {
          gather_prompt(*job, left);
        } else {
          gather_session(jobs, *job, left);
        }
      }
    }
  }
}

void TextLane::step(std::span<TextJob* const> jobs) {
  gather(jobs);
  if (slices_.empty()) {
    for (TextJob* job : jobs) {
      if (job->kind == TextJob::Kind::kAppend && job->session->caught_up()) job->done = true;
    }
    const bool ended = std::any_of(jobs.begin(), jobs.end(), [](const TextJob* job) { return job->done; });
    if (!ended && !trim_sessions())
      throw std::runtime_error("the KV pool has no room for what the sessions hold");
    return;
  }
  const backend::ScratchScope scope(context_.scratch());
  language::DecoderBatch batch;
  batch.tokens = tokens_;
  batch.slices = slices_;
  const std::int64_t hidden = decoder_.config().hidden;
  const std::int64_t embedded = static_cast<std::int64_t>(embeddings_.size()) / hidden;
  if (embedded > 0) {
    batch.embeddings = context_.matrix(embedded, hidden);
    const tensor::Shape shape{embedded, hidden};
    context_.backend().copy({embeddings_.data(), tensor::DType::kF32, shape},
                            {batch.embeddings.data, tensor::DType::kF32, shape, context_.backend().device()});
  }
  const std::int64_t rows = language::Decoder::logits_rows(batch);
  const backend::Matrix logits = context_.matrix(rows, decoder_.config().vocabulary);
  decoder_.forward(context_, batch, logits);
  context_.synchronize();
  account(jobs, logits);
}

// What the step has done for whom.
void TextLane::account(std::span<TextJob* const> jobs, backend::Matrix logits) {
  std::int64_t row = 0;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    TextJob& job = *sliced_[i].job;
    if (sliced_[i].of_session) {
      job.session->advance(slices_[i].count);
      job.session_rows += static_cast<int>(slices_[i].count);
    }
    if (slices_[i].logits == language::Logits::kNone) continue;
    const std::span<const float> scores(logits.row(row++), static_cast<std::size_t>(logits.columns));
    if (job.kind == TextJob::Kind::kScore) {
      take_score(job, scores);
    } else {
      take(job, scores);
    }
  }
  for (TextJob* job : jobs) {
    if (job->kind == TextJob::Kind::kAppend && job->session->caught_up()) job->done = true;
  }
}

// Softmax over the choices, each the sum of its tokens.
void TextLane::take_score(TextJob& job, std::span<const float> logits) {
  float top = -std::numeric_limits<float>::infinity();
  for (const auto& tokens : job.choices) {
    for (const std::int32_t token : tokens) top = std::max(top, logits[static_cast<std::size_t>(token)]);
  }
  std::vector<float>& probabilities = job.score.probabilities;
  float total = 0.0F;
  for (const auto& tokens : job.choices) {
    float sum = 0.0F;
    for (const std::int32_t token : tokens) sum += std::exp(logits[static_cast<std::size_t>(token)] - top);
    probabilities.push_back(sum);
    total += sum;
  }
  for (float& probability : probabilities) probability /= total;
  job.result.reason = FinishReason::kStop;
  job.done = true;
}

bool TextLane::is_end(std::int32_t token) const {
  return std::find(end_tokens_.begin(), end_tokens_.end(), token) != end_tokens_.end();
}

// One more token of a generation.
void TextLane::take(TextJob& job, std::span<const float> logits) {
  auto& generation = static_cast<Generation&>(*job.state);
  TextResult& result = job.result;
  generation.next = generation.sampler.next(logits);
  ++result.generated_tokens;
  std::string_view piece;
  if (is_end(generation.next)) {
    result.reason = FinishReason::kStop;
    job.done = true;
  } else {
    result.tokens.push_back(generation.next);
    piece = generation.detokenizer.push(generation.next);
    result.text += piece;
    if (result.generated_tokens >= job.request.max_new_tokens) {
      result.reason = FinishReason::kLength;
      job.done = true;
    }
  }
  if (!piece.empty() && job.callbacks.on_text) job.callbacks.on_text(piece);
  if (!job.done) return;
  piece = generation.detokenizer.finish();
  result.text += piece;
  if (!piece.empty() && job.callbacks.on_text) job.callbacks.on_text(piece);
}

}  // namespace vedette::models::runtime
