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

}  // namespace vedette::models::audio
