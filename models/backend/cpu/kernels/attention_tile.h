#pragma once

#include <cstdint>

#include "models/tensor/dtype.h"

// The softmax between the two products of blocked attention (after Dao et al., FlashAttention, 2022).
namespace vedette::models::backend::cpu::kernels {

inline constexpr std::int64_t kMaxHeadDim = 256;
inline constexpr std::int64_t kKeyBlock = 64;  // keys whose scores are held at a time

inline std::int64_t padded_head_dim(std::int64_t head_dim) {
  return (head_dim + 31) / 32 * 32;
}

// One row of a block: `scores` [kKeyBlock], of which the first `visible` count. Updates the row's running
// maximum and sum, writes the block's weights (0 where invisible) as f32 in place of the scores or as bf16
// into `narrow`, and scales the row's sums so far (`sums` [dim]) to the new maximum.
struct SoftmaxState {
  float maximum;
  float sum;
};
void softmax_block(float* scores, std::int64_t visible, tensor::BFloat16* narrow, SoftmaxState& state,
                   float* sums, std::int64_t dim);

// out = sums * factor, as f32 or bf16.
void scale_row(const float* sums, std::int64_t dim, float factor, float* out, tensor::BFloat16* out_bf16);
// The query row, scaled and padded with zeros to a multiple of 32.
void load_query(const float* q, std::int64_t dim, float scale, float* out, tensor::BFloat16* out_bf16);

}  // namespace vedette::models::backend::cpu::kernels
