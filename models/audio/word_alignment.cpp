#include "models/audio/word_alignment.h"

#include <algorithm>
#include <cmath>

#include "models/ops/attention.h"

namespace vedette::models::audio {

using backend::ComputeContext;
using backend::Matrix;

WordAlignment::WordAlignment(const WhisperConfig& config)
    : config_(config),
      warp_(config.sizes.text_context, config.sizes.audio_context),
      path_(static_cast<std::size_t>(config.sizes.text_context)) {
  matrix_.reserve(static_cast<std::size_t>(config.sizes.text_context) *
                  static_cast<std::size_t>(config.sizes.audio_context));
}

void WordAlignment::begin(std::int64_t rows, std::int64_t frames) {
  rows_ = rows;
  frames_ = frames;
  matrix_.assign(static_cast<std::size_t>(rows * frames), 0.0F);
}

void WordAlignment::add_layer(ComputeContext& context, int layer, Matrix q, const backend::PagedKv& cross,
                              float scale) {
  for (const auto& [head_layer, head] : config_.alignment_heads) {
    if (head_layer != layer) continue;
    const backend::ScratchScope scope(context.scratch());
    const Matrix weights = context.matrix(rows_, cross.slices[0].past);
    ops::cross_attention_weights(context, q, cross, head, scale, weights);
    add_head(context, weights);
  }
}

void WordAlignment::add_head(ComputeContext& context, Matrix weights) {
  // Softmax over the frames that hold sound is the whole softmax over its own part of the sum.
  for (std::int64_t r = 0; r < rows_; ++r) {
    double sum = 0.0;
    for (std::int64_t t = 0; t < frames_; ++t) sum += weights.row(r)[t];
    const float factor = static_cast<float>(1.0 / std::max(sum, 1e-30));
    for (std::int64_t t = 0; t < frames_; ++t) weights.row(r)[t] *= factor;
  }
  // Each frame's mean over the tokens becomes 0, its deviation 1.
  const auto mean = context.array<float>(frames_);
  const auto spread = context.array<float>(frames_);
  const auto count = static_cast<float>(rows_);
  std::fill(mean.begin(), mean.end(), 0.0F);
  std::fill(spread.begin(), spread.end(), 0.0F);
  const auto frames = static_cast<std::size_t>(frames_);
  for (std::int64_t r = 0; r < rows_; ++r) {
    for (std::size_t t = 0; t < frames; ++t) mean[t] += weights.row(r)[t] / count;
  }
  for (std::int64_t r = 0; r < rows_; ++r) {
    for (std::size_t t = 0; t < frames; ++t) {
      const float off = weights.row(r)[t] - mean[t];
      spread[t] += off * off / count;
    }
  }
  for (float& value : spread) value = value > 0.0F ? std::sqrt(value) : 1.0F;
  const auto heads = static_cast<float>(config_.alignment_heads.size());
  context.parallel_for(rows_, 4, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      float* row = weights.row(r);
      for (std::size_t t = 0; t < frames; ++t) row[t] = (row[t] - mean[t]) / spread[t];
      median_filter_rows({row, frames}, 1, frames_, config_.median_filter);
      float* cost = matrix_.data() + r * frames_;
      for (std::size_t t = 0; t < frames; ++t) cost[t] -= row[t] / heads;
    }
  });
}

std::span<const std::int32_t> WordAlignment::path(std::int64_t first, std::int64_t count) {
  const std::span<const float> cost(matrix_.data() + first * frames_,
                                    static_cast<std::size_t>(count * frames_));
  const std::span<std::int32_t> path(path_.data(), static_cast<std::size_t>(count));
  warp_.run(cost, count, frames_, path);
  return path;
}

}  // namespace vedette::models::audio
