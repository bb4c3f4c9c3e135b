#include "models/audio/segments.h"

#include <algorithm>
#include <utility>

namespace vedette::models::audio {

std::vector<Segment> split_segments(const WhisperTokens& tokens, std::span<const std::int32_t> generated,
                                    std::chrono::nanoseconds audio_length) {
  std::vector<Segment> segments;
  Segment open;
  for (const std::int32_t token : generated) {
    if (token < tokens.end) {
      open.tokens.push_back(token);
    } else if (token >= tokens.first_timestamp) {
      const auto time = std::chrono::milliseconds(20) * (token - tokens.first_timestamp);
      if (!open.tokens.empty()) {
        open.end = time;
        segments.push_back(std::exchange(open, {}));
      }
      open.start = time;
    }
  }
  if (!open.tokens.empty()) {
    open.end = std::max(open.start, audio_length);
    segments.push_back(std::move(open));
  }
  return segments;
}

std::chrono::nanoseconds settled_length(const WhisperTokens& tokens, std::span<const std::int32_t> generated,
                                        std::chrono::nanoseconds audio_length) {
  const auto is_time = [&](std::size_t i) { return generated[i] >= tokens.first_timestamp; };
  const std::size_t count = generated.size();
  const bool closed = count >= 2 && is_time(count - 1) && !is_time(count - 2);
  if (closed) return audio_length;
  for (std::size_t i = count; i-- > 1;) {
    if (!is_time(i) || !is_time(i - 1)) continue;
    const std::chrono::nanoseconds end =
        std::chrono::milliseconds(20) * (generated[i - 1] - tokens.first_timestamp);
    return end.count() > 0 ? std::min(end, audio_length) : audio_length;
  }
  return audio_length;
}

}  // namespace vedette::models::audio
