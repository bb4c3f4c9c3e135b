#include "models/audio/token_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace vedette::models::audio {
namespace {

constexpr float kMasked = -std::numeric_limits<float>::infinity();

void mask_range(std::span<float> scores, std::int64_t first, std::int64_t last) {
  const auto size = static_cast<std::int64_t>(scores.size());
  first = std::clamp<std::int64_t>(first, 0, size);
  last = std::clamp<std::int64_t>(last, first, size);
  std::fill(scores.begin() + first, scores.begin() + last, kMasked);
}

void mask_list(std::span<float> scores, std::span<const std::int32_t> ids) {
  for (const std::int32_t id : ids) {
    if (static_cast<std::size_t>(id) < scores.size()) scores[static_cast<std::size_t>(id)] = kMasked;
  }
}

// In lanes, so that the compiler may vectorise it.
float maximum(std::span<const float> scores) {
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> best;
  best.fill(kMasked);
  std::size_t i = 0;
  for (; i + kLanes <= scores.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      best[lane] = scores[i + lane] > best[lane] ? scores[i + lane] : best[lane];
    }
  }
  for (; i < scores.size(); ++i) best[0] = std::max(best[0], scores[i]);
  return *std::max_element(best.begin(), best.end());
}

}  // namespace

std::int32_t argmax(std::span<const float> scores) {
  const auto at = std::find(scores.begin(), scores.end(), maximum(scores));
  return at == scores.end() ? 0 : static_cast<std::int32_t>(at - scores.begin());
}

float log_sum_exp(std::span<const float> scores) {
  const float top = maximum(scores);
  if (top == kMasked) return kMasked;
  double sum = 0.0;
  for (const float score : scores) {
    if (score != kMasked) sum += std::exp(score - top);
  }
  return top + static_cast<float>(std::log(sum));
}

void TokenRules::mask(std::span<const std::int32_t> generated, std::span<float> scores) const {
  if (generated.empty()) mask_list(scores, tokens_.begin_suppressed);
  mask_list(scores, tokens_.suppressed);
  if (timestamps_) mask_timestamps(generated, scores);
}

void TokenRules::mask_timestamps(std::span<const std::int32_t> generated, std::span<float> scores) const {
  const std::int32_t first = tokens_.first_timestamp;
  mask_range(scores, tokens_.no_timestamps, tokens_.no_timestamps + 1);
  const auto is_timestamp = [first](std::int32_t id) { return id >= first; };
  const bool last_was = !generated.empty() && is_timestamp(generated.back());
  const bool one_before_was = generated.size() < 2 || is_timestamp(generated[generated.size() - 2]);
  if (last_was && one_before_was) mask_range(scores, first, static_cast<std::int64_t>(scores.size()));
  if (last_was && !one_before_was) mask_range(scores, 0, tokens_.end);

  const auto latest = std::find_if(generated.rbegin(), generated.rend(), is_timestamp);
  if (latest != generated.rend()) {
    // A segment's end may be the next one's begin; else time goes on.
    const bool closes = last_was && !one_before_was;
    mask_range(scores, first, closes ? *latest : *latest + 1);
  }
  if (generated.empty()) {
    mask_range(scores, 0, first);
    if (tokens_.max_initial_timestamp) {
      mask_range(scores, first + *tokens_.max_initial_timestamp + 1,
                 static_cast<std::int64_t>(scores.size()));
    }
  }
}

std::span<const float> TokenRules::timestamps(std::span<const float> scores) const {
  return scores.subspan(std::min(scores.size(), static_cast<std::size_t>(tokens_.first_timestamp)));
}

bool TokenRules::prefer_timestamps(std::span<float> scores) const {
  const auto first = static_cast<std::size_t>(tokens_.first_timestamp);
  if (!timestamps_ || first >= scores.size()) return false;
  if (log_sum_exp(scores.subspan(first)) <= maximum(scores.first(first))) return false;
  mask_range(scores, 0, tokens_.first_timestamp);
  return true;
}

}  // namespace vedette::models::audio
