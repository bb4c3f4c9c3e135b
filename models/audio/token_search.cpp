#include "models/audio/token_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vedette::models::audio {
namespace {

std::span<float> row_of(backend::Matrix rows, std::int64_t index) {
  return {rows.row(index), static_cast<std::size_t>(rows.columns)};
}

}  // namespace

TokenSearch::TokenSearch(const WhisperTokens& tokens, const SpeechOptions& options, int longest)
    : tokens_(tokens), options_(options), rules_(tokens, options.timestamps), random_(options.seed) {
  const auto width = static_cast<std::size_t>(std::max({1, options.beams, options.best_of}));
  for (std::vector<Hypothesis>* list : {&running_, &next_, &finished_}) {
    list->resize(width);
    for (Hypothesis& hypothesis : *list) {
      hypothesis.tokens.reserve(static_cast<std::size_t>(longest));
      hypothesis.log_probabilities.reserve(static_cast<std::size_t>(longest));
    }
  }
  live_.reserve(width);
  next_live_.reserve(width);
  candidates_.reserve(2 * width + 1);
}

void TokenSearch::begin(float temperature, int max_tokens) {
  temperature_ = temperature;
  max_tokens_ = static_cast<std::size_t>(std::max(1, max_tokens));
  running_count_ = temperature > 0.0F ? static_cast<std::size_t>(std::max(1, options_.best_of)) : 1;
  finished_count_ = 0;
  for (Hypothesis& hypothesis : running_) {
    hypothesis.tokens.clear();
    hypothesis.log_probabilities.clear();
    hypothesis.score = 0.0F;
    hypothesis.row = 0;
  }
  live_.assign(1, Live{});
}

void TokenSearch::prepare(int index, std::span<float> logits) const {
  // A beam ranks by the model's own probabilities, samples by those of what may come.
  if (beam_search()) return;
  const auto owner =
      std::find_if(running_.begin(), running_.end(), [&](const Hypothesis& h) { return h.row == index; });
  rules_.mask(owner->tokens, logits);
}

void TokenSearch::advance(backend::Matrix log_probabilities) {
  if (beam_search()) {
    advance_beam(log_probabilities);
  } else {
    advance_samples(log_probabilities);
  }
}

bool TokenSearch::ends(std::int32_t token, const Hypothesis& hypothesis) const {
  return token == tokens_.end || hypothesis.tokens.size() + 1 >= max_tokens_;
}

float TokenSearch::ranked(float sum, std::size_t length) const {
  return sum / std::pow(static_cast<float>(length), options_.length_penalty);
}

void TokenSearch::extend(const Hypothesis& parent, const Candidate& candidate, Hypothesis& child) {
  child.tokens.assign(parent.tokens.begin(), parent.tokens.end());
  child.tokens.push_back(candidate.token);
  child.log_probabilities.assign(parent.log_probabilities.begin(), parent.log_probabilities.end());
  child.log_probabilities.push_back(candidate.log_probability);
  child.score = candidate.score;
}

void TokenSearch::advance_samples(backend::Matrix rows) {
  next_live_.clear();
  for (std::size_t i = 0; i < running_count_; ++i) {
    Hypothesis& hypothesis = running_[i];
    if (hypothesis.row < 0) continue;
    float log_probability = 0.0F;
    const int row = hypothesis.row;
    const std::int32_t token = choose(row_of(rows, row), log_probability);
    hypothesis.row = ends(token, hypothesis) ? -1 : static_cast<int>(next_live_.size());
    hypothesis.tokens.push_back(token);
    hypothesis.log_probabilities.push_back(log_probability);
    hypothesis.score += log_probability;
    if (hypothesis.row >= 0) next_live_.push_back({row, token});
  }
  std::swap(live_, next_live_);
}

std::int32_t TokenSearch::choose(std::span<float> row, float& log_probability) {
  const bool only_timestamps = rules_.prefer_timestamps(row);
  const std::int32_t token = temperature_ > 0.0F ? sample(row) : argmax(row);
  log_probability = row[static_cast<std::size_t>(token)];
  if (only_timestamps) log_probability -= log_sum_exp(rules_.timestamps(row));
  return token;
}

std::int32_t TokenSearch::sample(std::span<const float> row) {
  const std::int32_t best = argmax(row);
  const float top = row[static_cast<std::size_t>(best)];
  const auto weight = [&](float score) {
    return std::isinf(score) ? 0.0 : static_cast<double>(std::exp((score - top) / temperature_));
  };
  double sum = 0.0;
  for (const float score : row) sum += weight(score);
  double left = std::uniform_real_distribution<double>(0.0, sum)(random_);
  for (std::size_t i = 0; i < row.size(); ++i) {
    left -= weight(row[i]);
    if (left < 0.0) return static_cast<std::int32_t>(i);
  }
  return best;
}

// As the reference: of twice as many candidates as hypotheses, the best that do not end go on; those that end
// are kept while they are among the best; it is over when none that runs can still rank above the worst that
// is kept.
void TokenSearch::advance_beam(backend::Matrix rows) {
  const auto beams = static_cast<std::size_t>(options_.beams);
  find_candidates(rows);
  std::size_t going_on = 0;
  next_live_.clear();
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    const Hypothesis& parent = running_[static_cast<std::size_t>(candidate.parent)];
    if (ends(candidate.token, parent)) {
      if (i < beams) keep_finished(candidate);
    } else if (going_on < beams) {
      extend(parent, candidate, next_[going_on]);
      next_[going_on].row = static_cast<int>(going_on);
      next_live_.push_back({candidate.parent, candidate.token});
      ++going_on;
    }
  }
  std::swap(running_, next_);
  std::swap(live_, next_live_);
  running_count_ = going_on;
  if (going_on == 0 || finished_count_ < beams) return;
  const float hope = ranked(running_[0].score, running_[0].tokens.size());
  if (hope <= finished_[finished_count_ - 1].score) live_.clear();
}

void TokenSearch::find_candidates(backend::Matrix rows) {
  const auto most = static_cast<std::size_t>(2 * options_.beams);
  candidates_.clear();
  const auto better = [](const Candidate& a, const Candidate& b) { return a.score > b.score; };
  for (std::size_t i = 0; i < running_count_; ++i) {
    const std::span<float> row = row_of(rows, static_cast<std::int64_t>(i));
    rules_.mask(running_[i].tokens, row);
    rules_.prefer_timestamps(row);
    float least =
        candidates_.size() < most ? -std::numeric_limits<float>::infinity() : candidates_.back().score;
    for (std::size_t token = 0; token < row.size(); ++token) {
      const float score = running_[i].score + row[token];
      if (!(score > least)) continue;
      const Candidate candidate{score, static_cast<int>(i), static_cast<std::int32_t>(token), row[token]};
      candidates_.insert(std::upper_bound(candidates_.begin(), candidates_.end(), candidate, better),
                         candidate);
      if (candidates_.size() > most) candidates_.pop_back();
      if (candidates_.size() == most) least = candidates_.back().score;
    }
  }
}

void TokenSearch::keep_finished(const Candidate& candidate) {
  const Hypothesis& parent = running_[static_cast<std::size_t>(candidate.parent)];
  const float score = ranked(candidate.score, parent.tokens.size() + 1);
  std::size_t place = 0;
  while (place < finished_count_ && finished_[place].score >= score) ++place;
  const auto beams = static_cast<std::size_t>(options_.beams);
  if (place >= beams) return;
  finished_count_ = std::min(finished_count_ + 1, beams);
  const auto from = finished_.begin() + static_cast<std::ptrdiff_t>(place);
  std::rotate(from, finished_.begin() + static_cast<std::ptrdiff_t>(finished_count_ - 1),
              finished_.begin() + static_cast<std::ptrdiff_t>(finished_count_));
  extend(parent, candidate, *from);
  from->score = score;
}

TokenSearch::Result TokenSearch::result() const {
  if (beam_search()) {
    const Hypothesis& best = finished_count_ > 0 ? finished_.front() : running_.front();
    return {best.tokens, best.log_probabilities,
            finished_count_ > 0 ? best.score : ranked(best.score, best.tokens.size())};
  }
  const auto mean = [](const Hypothesis& h) {
    return h.score / static_cast<float>(std::max<std::size_t>(1, h.tokens.size()));
  };
  const auto best =
      std::max_element(running_.begin(), running_.begin() + static_cast<std::ptrdiff_t>(running_count_),
                       [&](const Hypothesis& a, const Hypothesis& b) { return mean(a) < mean(b); });
  return {best->tokens, best->log_probabilities, mean(*best)};
}

}  // namespace vedette::models::audio
