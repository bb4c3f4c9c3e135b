#include "models/audio/speech_state.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/audio/segments.h"
#include "models/ops/linear.h"

namespace vedette::models::audio {
namespace {

constexpr std::chrono::milliseconds kFrame{20};  // of the encoder

std::size_t pool_bytes(const backend::KvLayout& layout, int sequences, int tokens) {
  const int pages = (tokens + layout.page_tokens - 1) / layout.page_tokens + 1;
  return layout.page_bytes() * static_cast<std::size_t>(sequences) * static_cast<std::size_t>(pages);
}

int hypotheses(const SpeechOptions& options) {
  return std::max({1, options.beams, options.best_of});
}

}  // namespace

void StepRows::clear() {
  tokens.clear();
  positions.clear();
  self.clear();
  cross.clear();
  scored.clear();
}

SpeechDecoding::State::State(backend::ComputeContext& context, const SpeechModel& model,
                             const SpeechOptions& options)
    : model_(model),
      tokens_(model.config().tokens),
      options_(options),
      cross_pool_(context.backend(), model.decoder().layout(),
                  pool_bytes(model.decoder().layout(), 1, model.audio_context())),
      self_pool_(
          context.backend(), model.decoder().layout(),
          pool_bytes(model.decoder().layout(), hypotheses(options), model.config().sizes.text_context)),
      cross_(cross_pool_.make_sequence(model.audio_context())),
      caches_(self_pool_, hypotheses(options), model.config().sizes.text_context),
      search_(tokens_, options, model.config().sizes.text_context),
      alignment_(model.config()) {
  if (options.beams < 1 || options.beams > 64 || options.best_of < 1 || options.best_of > 64 ||
      options.attempts < 1 || options.attempts > static_cast<int>(options.temperatures.size())) {
    throw std::invalid_argument("speech options: expected 1 to 64 beams and samples and 1 to " +
                                std::to_string(options.temperatures.size()) + " attempts, received " +
                                std::to_string(options.beams) + ", " + std::to_string(options.best_of) +
                                " and " + std::to_string(options.attempts));
  }
  if (tokens_.multilingual && !options.language.empty()) {
    const auto known = std::find_if(tokens_.languages.begin(), tokens_.languages.end(),
                                    [&](const auto& entry) { return entry.first == options.language; });
    if (known == tokens_.languages.end()) {
      throw std::invalid_argument("speech options: the model does not know the language \"" +
                                  options.language + "\"");
    }
  }
}

void SpeechDecoding::State::start(const tensor::TensorView& features, std::chrono::nanoseconds audio_length,
                                  std::string_view previous_text) {
  const auto& sizes = model_.config().sizes;
  const tensor::Shape& shape = features.shape();
  if (features.dtype() != tensor::DType::kF32 || shape.rank() != 2 || shape[0] < 1 ||
      shape[0] > sizes.audio_context || shape[1] != sizes.hidden) {
    throw std::invalid_argument("speech decoding: expected features [up to " +
                                std::to_string(sizes.audio_context) + ", " + std::to_string(sizes.hidden) +
                                "] f32, received " + shape.to_string() + " " +
                                tensor::to_string(features.dtype()));
  }
  features_ = features;
  audio_length_ = audio_length;
  cross_filled_ = false;
  attempt_ = 0;
  transcript_ = {};
  previous_.clear();
  language_ = -1;
  language_name_ = tokens_.multilingual ? options_.language : "en";
  for (const auto& [name, id] : tokens_.languages) {
    if (tokens_.multilingual && name == options_.language) language_ = id;
  }
  const auto first = previous_text.find_first_not_of(' ');
  if (model_.tokenizer() != nullptr && first != std::string_view::npos && options_.max_prompt_tokens > 0) {
    text_.assign(" ").append(previous_text.substr(first));
    previous_ = model_.tokenizer()->encode(text_);
    const auto most =
        static_cast<std::size_t>(std::min(options_.max_prompt_tokens, sizes.text_context / 2 - 1));
    if (previous_.size() > most)
      previous_.erase(previous_.begin(), previous_.end() - static_cast<std::ptrdiff_t>(most));
  }
  if (tokens_.multilingual && language_ < 0) {
    phase_ = Phase::kLanguage;
  } else {
    make_prompt();
  }
}

// [previous, its text,] start, [language, task,] [no timestamps]
void SpeechDecoding::State::make_prompt() {
  prompt_.clear();
  if (!previous_.empty()) {
    prompt_.push_back(tokens_.previous);
    prompt_.insert(prompt_.end(), previous_.begin(), previous_.end());
  }
  start_index_ = prompt_.size();
  prompt_.push_back(tokens_.start);
  if (tokens_.multilingual) {
    prompt_.push_back(language_);
    const std::int32_t task = options_.task == "translate" ? tokens_.translate : tokens_.transcribe;
    if (task >= 0) prompt_.push_back(task);
  }
  if (!options_.timestamps) prompt_.push_back(tokens_.no_timestamps);
  phase_ = Phase::kPrompt;
  begin_attempt();
}

int SpeechDecoding::State::live_rows() const {
  return phase_ == Phase::kDecode ? static_cast<int>(search_.live().size()) : 1;
}

void SpeechDecoding::State::fill_cross(backend::ComputeContext& context) {
  if (cross_filled_) return;
  cross_.drop_to(0);
  const std::int64_t frames = features_.shape()[0];
  if (!cross_.reserve(frames))
    throw std::logic_error("speech decoding: no room for the window's keys and values");
  model_.decoder().fill_cross(context, features_, cross_.pages());
  cross_.append(frames);
  features_ = {};
  cross_filled_ = true;
}

void SpeechDecoding::State::add_row(StepRows& rows, layers::KvSequence& sequence,
                                    std::span<const std::int32_t> tokens) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  const auto first = static_cast<std::int64_t>(rows.tokens.size());
  const std::int64_t past = sequence.tokens();
  if (!sequence.reserve(count))
    throw std::logic_error("speech decoding: no room for the text's keys and values");
  rows.self.push_back({sequence.pages(), past, first, count});
  rows.cross.push_back({cross_.pages(), cross_.tokens(), first, count});
  for (std::int64_t i = 0; i < count; ++i) {
    rows.tokens.push_back(tokens[static_cast<std::size_t>(i)]);
    rows.positions.push_back(static_cast<std::int32_t>(past + i));
  }
  sequence.append(count);
}

void SpeechDecoding::State::collect(StepRows& rows) {
  first_row_ = static_cast<std::int64_t>(rows.tokens.size());
  const std::size_t scored = rows.scored.size();
  const std::span<const std::int32_t> prompt(prompt_);
  switch (phase_) {
    case Phase::kLanguage:
      caches_[0].drop_to(0);
      add_row(rows, caches_[0], {&tokens_.start, 1});
      rows.scored.push_back(static_cast<std::int32_t>(first_row_));
      break;
    case Phase::kPrompt:
      caches_[0].drop_to(0);
      add_row(rows, caches_[0], prompt);
      if (start_index_ + 1 < prompt.size())
        rows.scored.push_back(static_cast<std::int32_t>(first_row_ + start_index_));
      rows.scored.push_back(static_cast<std::int32_t>(first_row_ + prompt.size() - 1));
      break;
    case Phase::kRetry:
      caches_[0].drop_to(static_cast<std::int64_t>(prompt.size()) - 1);
      add_row(rows, caches_[0], prompt.last(1));
      rows.scored.push_back(static_cast<std::int32_t>(first_row_));
      break;
    case Phase::kDecode:
      for (std::size_t i = 0; i < search_.live().size(); ++i) {
        rows.scored.push_back(static_cast<std::int32_t>(rows.tokens.size()));
        add_row(rows, caches_[i], {&search_.live()[i].token, 1});
      }
      break;
    case Phase::kAlign:
      caches_[0].drop_to(0);
      add_row(rows, caches_[0], aligned_);
      break;
    case Phase::kIdle:
    case Phase::kFinished: break;
  }
  scored_rows_ = static_cast<int>(rows.scored.size() - scored);
}

void SpeechDecoding::State::take_logits(backend::Matrix logits) {
  const auto row = [&](std::int64_t index) {
    return std::span<float>(logits.row(index), static_cast<std::size_t>(logits.columns));
  };
  if (phase_ == Phase::kLanguage) return take_language(row(0));
  if (phase_ == Phase::kPrompt) {
    const float score = row(0)[static_cast<std::size_t>(tokens_.no_speech)];
    transcript_.no_speech_probability = std::exp(score - log_sum_exp(row(0)));
  }
  if (phase_ == Phase::kPrompt || phase_ == Phase::kRetry) {
    search_.prepare(0, row(logits.rows - 1));
  } else if (phase_ == Phase::kDecode) {
    for (int i = 0; i < static_cast<int>(logits.rows); ++i) search_.prepare(i, row(i));
  }
}

void SpeechDecoding::State::take_language(std::span<const float> logits) {
  const auto score = [&](const auto& entry) { return logits[static_cast<std::size_t>(entry.second)]; };
  const auto best = std::max_element(tokens_.languages.begin(), tokens_.languages.end(),
                                     [&](const auto& a, const auto& b) { return score(a) < score(b); });
  language_ = best->second;
  language_name_ = best->first;
}

void SpeechDecoding::State::advance(backend::Matrix log_probabilities) {
  switch (phase_) {
    case Phase::kLanguage: make_prompt(); break;
    case Phase::kPrompt:
    case Phase::kRetry:
      search_.advance(log_probabilities.row_range(log_probabilities.rows - 1, 1));
      phase_ = Phase::kDecode;
      break;
    case Phase::kDecode: search_.advance(log_probabilities); break;
    case Phase::kAlign: return end_alignment();
    case Phase::kIdle:
    case Phase::kFinished: return;
  }
  if (phase_ != Phase::kDecode) return;
  if (search_.done()) {
    end_attempt();
  } else {
    caches_.follow(search_.live());
  }
}

void SpeechDecoding::State::begin_attempt() {
  const int room = model_.config().sizes.text_context - static_cast<int>(prompt_.size());
  const int most = options_.max_new_tokens > 0 ? std::min(options_.max_new_tokens, room) : room;
  search_.begin(options_.temperatures[static_cast<std::size_t>(attempt_)], most);
  caches_.keep_first();  // all hypotheses begin with the prompt
}

void SpeechDecoding::State::end_attempt() {
  const TokenSearch::Result result = search_.result();
  transcript_.tokens.assign(result.tokens.begin(), result.tokens.end());
  words_.clear();
  word_log_probabilities_.clear();
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    if (result.tokens[i] >= tokens_.end) continue;
    words_.push_back(result.tokens[i]);
    word_log_probabilities_.push_back(result.log_probabilities[i]);
  }
  if (!transcript_.tokens.empty() && transcript_.tokens.back() == tokens_.end) transcript_.tokens.pop_back();
  text_ = model_.text(words_);
  transcript_.mean_log_probability = result.score;
  transcript_.compression_ratio = gauge_.ratio(text_);
  transcript_.temperature = options_.temperatures[static_cast<std::size_t>(attempt_)];
  if (judge(options_, transcript_, text_) == Verdict::kRetry && attempt_ + 1 < options_.attempts) {
    ++attempt_;
    begin_attempt();
    phase_ = Phase::kRetry;
    return;
  }
  conclude();
}

void SpeechDecoding::State::conclude() {
  phase_ = Phase::kFinished;
  transcript_.settled = audio_length_;
  reject_if_no_speech(options_, text_, transcript_);
  if (transcript_.rejected) return;
  transcript_.segments = split_segments(tokens_, transcript_.tokens, audio_length_);
  transcript_.settled = settled_length(tokens_, transcript_.tokens, audio_length_);
  for (Segment& segment : transcript_.segments) segment.text = model_.text(segment.tokens);
  if (options_.word_times && !words_.empty() && model_.tokenizer() != nullptr) begin_alignment();
}

// Start tokens, no timestamps, the text, end: one pass over them tells when each was said.
void SpeechDecoding::State::begin_alignment() {
  const std::size_t first = start_index_, length = start_length();
  aligned_.assign(prompt_.begin() + static_cast<std::ptrdiff_t>(first),
                  prompt_.begin() + static_cast<std::ptrdiff_t>(first + length));
  aligned_.push_back(tokens_.no_timestamps);
  const std::size_t room = static_cast<std::size_t>(model_.config().sizes.text_context) - aligned_.size() - 1;
  if (words_.size() > room) words_.resize(room);
  aligned_.insert(aligned_.end(), words_.begin(), words_.end());
  aligned_.push_back(tokens_.end);
  caches_.keep_first();
  caches_[0].drop_to(0);
  const auto heard = static_cast<std::int64_t>(audio_length_ / kFrame);
  alignment_.begin(static_cast<std::int64_t>(aligned_.size()),
                   std::clamp<std::int64_t>(heard, 1, cross_.tokens()));
  phase_ = Phase::kAlign;
}

void SpeechDecoding::State::show_layer(backend::ComputeContext& context, int layer, backend::Matrix q,
                                       const backend::PagedKv& cross) {
  const auto rows = static_cast<std::int64_t>(aligned_.size());
  const backend::KvSlice slice{cross_.pages(), cross_.tokens(), 0, rows};
  const auto& sizes = model_.config().sizes;
  const float scale = 1.0F / std::sqrt(static_cast<float>(sizes.hidden / sizes.decoder_heads));
  alignment_.add_layer(context, layer, q.row_range(first_row_, rows), {cross.layout, layer, {&slice, 1}},
                       scale);
}

void SpeechDecoding::State::end_alignment() {
  phase_ = Phase::kFinished;
  // The row that predicts a token tells its beginning: from the last token before the text to the text's last
  // one.
  const auto first = static_cast<std::int64_t>(start_length());
  const auto path = alignment_.path(first, static_cast<std::int64_t>(words_.size()) + 1);
  std::vector<TimedWord> words;
  std::size_t token = 0;
  for (WordTokens& word : split_words(*model_.tokenizer(), words_, language_name_)) {
    double sum = 0.0;
    for (int i = 0; i < word.count; ++i)
      sum += std::exp(word_log_probabilities_[token + static_cast<std::size_t>(i)]);
    const std::size_t next = token + static_cast<std::size_t>(word.count);
    words.push_back({std::move(word.text), word.count, path[token] * kTimestampStep,
                     path[next] * kTimestampStep, static_cast<float>(sum / std::max(1, word.count))});
    token = next;
  }
  const double median = limit_durations(words);
  merge_punctuation(words);
  assign_words(words, median, transcript_.segments);
}

}  // namespace vedette::models::audio
