#pragma once

#include <cstdint>

#include "models/backend/cpu/kernels/attention.h"

// The softmax between the two products of blocked attention (after Dao et al., FlashAttention, 2022).
namespace vedette::models::backend::cpu::kernels {

inline constexpr std::int64_t kMaxHeadDim = 256;
inline constexpr std::int64_t kKeyBlock = 128;  // keys whose scores are held at a time

inline std::int64_t padded_head_dim(std::int64_t head_dim) {
  return (head_dim + 31) / 32 * 32;
}

// The rows of one task on their way through the keys. On the stack and uninitialised: only what a task's rows
// use is touched.
struct AttentionBlock {
  static constexpr std::int64_t kLanes = 16;
  std::int64_t rows;
  std::int64_t width;                                     // padded_head_dim
  alignas(64) float query[kAttentionRows * kMaxHeadDim];  // [rows, width] f32, or bf16 in its first half
  alignas(64) float scores[kAttentionRows * kKeyBlock];
  alignas(64) tensor::BFloat16
      weights[kAttentionRows * kKeyBlock];  // of the bf16 path; the f32 path's replace the scores
  alignas(64) float sums[kAttentionRows * kMaxHeadDim];  // [rows, width]
  alignas(64) float totals[kAttentionRows * kLanes];     // sum of the weights so far, in pieces
  alignas(64) float wide[kPageTokens * kMaxHeadDim];  // a bf16 panel as f32, where bf16 has no instructions
  float maxima[kAttentionRows];
  std::int64_t
      visible[kAttentionRows];  // keys of this block that the row sees; at most kKeyBlock, negative: none

  tensor::BFloat16* narrow_query() { return reinterpret_cast<tensor::BFloat16*>(query); }
};

inline constexpr float kNoMaximum = -1e30F;  // finite, so that differences are

// Turns the block's scores into weights, 0 where invisible, and scales sums and totals to a row's new
// maximum. f32: scores are natural logarithms. bf16: scores are logarithms to base 2, and the maximum may lag
// behind by 8, which bf16's range allows; requires current_isa() >= kAvx512Bf16.
void softmax_block_f32(AttentionBlock& block);
void softmax_block_bf16(AttentionBlock& block);

// out = sums * factor, as f32 or bf16.
void scale_row(const float* sums, std::int64_t dim, float factor, float* out, tensor::BFloat16* out_bf16);

}  // namespace vedette::models::backend::cpu::kernels
