#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/audio/transcript.h"
#include "models/audio/whisper_config.h"
#include "models/audio/word_times.h"
#include "models/backend/context.h"

namespace vedette::models::audio {

// Word times of one window from the cross-attention of the alignment heads: softmax over the frames that hold
// sound, normalised over the tokens, median-filtered, averaged over the heads; the cheapest monotone path
// through it tells when each token was said (openai/whisper, timing.py). Sized once, then reused. Not
// thread-safe.
class WordAlignment {
 public:
  WordAlignment(const WhisperConfig& config);

  // `rows` tokens will be shown, over the first `frames` encoder frames.
  void begin(std::int64_t rows, std::int64_t frames);
  // Adds the heads of one decoder layer. `cross.slices` is the one slice of this window's rows of q.
  void add_layer(backend::ComputeContext& context, int layer, backend::Matrix q,
                 const backend::PagedKv& cross, float scale);
  // The frame at which each of the rows [first, first + count) begins. Lives until the next begin().
  std::span<const std::int32_t> path(std::int64_t first, std::int64_t count);

 private:
  void add_head(backend::ComputeContext& context, backend::Matrix weights);

  const WhisperConfig& config_;
  TimeWarp warp_;
  std::int64_t rows_ = 0, frames_ = 0;
  std::vector<float> matrix_;  // [rows, frames]: minus the mean over the heads, the cost of the path
  std::vector<std::int32_t> path_;
};

}  // namespace vedette::models::audio
