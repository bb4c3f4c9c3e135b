#include "models/backend/cpu/kernels/attention_tile.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/backend/cpu/kernels/attention_tile.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "models/backend/cpu/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE {

HWY_INLINE void multiply_in_place(float* x, std::int64_t count, float factor) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < count; i += lanes) {
    hn::Store(hn::Mul(hn::Load(d, x + i), hn::Set(d, factor)), d, x + i);
  }
}

void softmax_rows_f32(AttentionBlock& block) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t row = 0; row < block.rows; ++row) {
    float* scores = block.scores + row * kKeyBlock;
    const std::int64_t visible = block.visible[row];
    std::fill(scores + std::max<std::int64_t>(visible, 0), scores + kKeyBlock, kNoMaximum);
    F32V maxima = hn::Load(d, scores);
    for (std::int64_t i = lanes; i < kKeyBlock; i += lanes) maxima = hn::Max(maxima, hn::Load(d, scores + i));
    const float before = block.maxima[row],
                maximum = std::max(before, hn::GetLane(hn::MaxOfLanes(d, maxima)));
    const F32V shift = hn::Set(d, maximum);
    F32V total = hn::Zero(d);
    for (std::int64_t i = 0; i < kKeyBlock; i += lanes) {
      const F32V weight = exp_of(hn::Sub(hn::Load(d, scores + i), shift));
      total = hn::Add(total, weight);
      hn::Store(weight, d, scores + i);
    }
    float* totals = block.totals + row * AttentionBlock::kLanes;
    if (maximum > before) {
      const float factor = std::exp(before - maximum);
      multiply_in_place(block.sums + row * block.width, block.width, factor);
      totals[0] *= factor;
      block.maxima[row] = maximum;
    }
    totals[0] += hn::GetLane(hn::SumOfLanes(d, total));
  }
}

void scaled_row(const float* in, std::int64_t dim, float factor, float* out, BFloat16* out_bf16) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const F32V factors = hn::Set(d, factor);
  std::int64_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    const F32V x = hn::Mul(hn::LoadU(d, in + i), factors);
    if (out != nullptr) {
      hn::StoreU(x, d, out + i);
    } else {
      store_bf16(x, out_bf16 + i);
    }
  }
  for (; i < dim; ++i) {
    if (out != nullptr) {
      out[i] = in[i] * factor;
    } else {
      out_bf16[i] = tensor::to_bfloat16(in[i] * factor);
    }
  }
}

}  // namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vedette::models::backend::cpu::kernels {

HWY_EXPORT(softmax_rows_f32);
HWY_EXPORT(scaled_row);

void softmax_block_f32(AttentionBlock& block) {
  HWY_DYNAMIC_DISPATCH(softmax_rows_f32)(block);
}
void scale_row(const float* sums, std::int64_t dim, float factor, float* out, BFloat16* out_bf16) {
  HWY_DYNAMIC_DISPATCH(scaled_row)(sums, dim, factor, out, out_bf16);
}

}  // namespace vedette::models::backend::cpu::kernels
#endif
