#include "models/runtime/text_lane.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "models/language/sampling.h"

namespace vedette::models::runtime {

struct TextLane::Generation final : TextJob::State {
  Generation(layers::KvSequence kv, const text::Tokenizer& tokenizer, const TextRequest& request,
             std::int64_t vocabulary)
      : sequence(std::move(kv)),
        detokenizer(tokenizer),
        sampler({.temperature = request.temperature, .top_p = request.top_p, .seed = request.seed},
                vocabulary) {}

  bool in_prompt(const TextRequest& request) const { return prompt_done < request.prompt.size(); }

  layers::KvSequence sequence;
  text::Detokenizer detokenizer;
  language::Sampler sampler;
  std::size_t prompt_done = 0;  // tokens of the prompt that went through the model
  std::int32_t next = 0;        // the token that goes in next, behind the prompt
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
  slices_.reserve(options.slots);
  sliced_.reserve(options.slots);
}

bool TextLane::admit(TextJob& job) {
  const TextRequest& request = job.request;
  const auto prompt = static_cast<std::int64_t>(request.prompt.size());
  const std::int64_t longest = prompt + std::max(request.max_new_tokens, 1);
  const std::int64_t model = options_.context > 0 ? options_.context : decoder_.config().context;
  const std::int64_t most = std::min(model, pool_.token_capacity());
  if (prompt == 0) throw std::invalid_argument("the prompt is empty");
  if (longest > most) {
    throw std::invalid_argument("prompt and answer take " + std::to_string(longest) +
                                " tokens, the model has room for " + std::to_string(most));
  }
  for (const std::int32_t token : request.prompt) {
    if (token < 0 || token >= decoder_.config().vocabulary) {
      throw std::invalid_argument("the prompt has token " + std::to_string(token) + ", the vocabulary has " +
                                  std::to_string(decoder_.config().vocabulary));
    }
  }
  layers::KvSequence sequence = pool_.make_sequence(longest);
  if (!sequence.reserve(longest)) return false;
  job.state =
      std::make_unique<Generation>(std::move(sequence), tokenizer_, request, decoder_.config().vocabulary);
  job.result.prompt_tokens = static_cast<int>(prompt);
  job.result.tokens.reserve(static_cast<std::size_t>(longest - prompt));
  return true;
}

// Rows of the step: what generates first, then prompts, as far as the chunk reaches, highest priority first.
void TextLane::gather(std::span<TextJob* const> jobs) {
  tokens_.clear();
  slices_.clear();
  sliced_.clear();
  const auto add = [this](TextJob& job, std::int64_t count, language::Logits logits) {
    auto& generation = static_cast<Generation&>(*job.state);
    slices_.push_back(
        {&generation.sequence, static_cast<std::int64_t>(tokens_.size()) - count, count, logits});
    sliced_.push_back(&job);
  };
  for (TextJob* job : jobs) {
    const auto& generation = static_cast<const Generation&>(*job->state);
    if (generation.in_prompt(job->request)) continue;
    tokens_.push_back(generation.next);
    add(*job, 1, language::Logits::kLast);
  }
  auto left = static_cast<std::size_t>(options_.chunk);
  for (int priority = 0; priority < 4; ++priority) {
    for (TextJob* job : jobs) {
      auto& generation = static_cast<Generation&>(*job->state);
      if (left == 0 || static_cast<int>(job->priority) != priority || !generation.in_prompt(job->request))
        continue;
      const std::span<const std::int32_t> prompt(job->request.prompt);
      const std::size_t count = std::min(left, prompt.size() - generation.prompt_done);
      const auto part = prompt.subspan(generation.prompt_done, count);
      tokens_.insert(tokens_.end(), part.begin(), part.end());
      generation.prompt_done += count;
      left -= count;
      add(*job, static_cast<std::int64_t>(count),
          generation.in_prompt(job->request) ? language::Logits::kNone : language::Logits::kLast);
    }
  }
}

void TextLane::step(std::span<TextJob* const> jobs) {
  gather(jobs);
  const backend::ScratchScope scope(context_.scratch());
  language::DecoderBatch batch;
  batch.tokens = tokens_;
  batch.slices = slices_;
  const std::int64_t rows = language::Decoder::logits_rows(batch);
  const backend::Matrix logits = context_.matrix(rows, decoder_.config().vocabulary);
  decoder_.forward(context_, batch, logits);
  context_.synchronize();
  std::int64_t row = 0;
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    if (slices_[i].logits == language::Logits::kNone) continue;
    take(*sliced_[i], {logits.row(row++), static_cast<std::size_t>(logits.columns)});
  }
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
