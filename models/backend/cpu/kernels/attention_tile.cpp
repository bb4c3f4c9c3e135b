#include "models/backend/cpu/kernels/attention_tile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/backend/cpu/kernels/attention_tile.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "models/backend/cpu/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE {

void softmax_row_block(float* scores, std::int64_t visible, BFloat16* narrow, SoftmaxState& state,
                       float* sums, std::int64_t dim) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = visible; i < kKeyBlock; ++i) scores[i] = -std::numeric_limits<float>::infinity();
  F32V maxima = hn::Load(d, scores);
  for (std::int64_t i = lanes; i < kKeyBlock; i += lanes) maxima = hn::Max(maxima, hn::Load(d, scores + i));
  const float maximum = std::max(state.maximum, hn::GetLane(hn::MaxOfLanes(d, maxima)));
  const F32V shift = hn::Set(d, maximum);
  F32V total = hn::Zero(d);
  for (std::int64_t i = 0; i < kKeyBlock; i += lanes) {
    const F32V weight = exp_of(hn::Sub(hn::Load(d, scores + i), shift));
    total = hn::Add(total, weight);
    if (narrow != nullptr) {
      store_bf16(weight, narrow + i);
    } else {
      hn::Store(weight, d, scores + i);
    }
  }
  const float sum = hn::GetLane(hn::SumOfLanes(d, total));
  if (maximum > state.maximum) {
    const float factor = std::exp(state.maximum - maximum);
    const F32V factors = hn::Set(d, factor);
    for (std::int64_t i = 0; i < dim; i += lanes)
      hn::Store(hn::Mul(hn::Load(d, sums + i), factors), d, sums + i);
    state.sum *= factor;
  }
  state.sum += sum;
  state.maximum = maximum;
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

HWY_EXPORT(softmax_row_block);
HWY_EXPORT(scaled_row);

void softmax_block(float* scores, std::int64_t visible, BFloat16* narrow, SoftmaxState& state, float* sums,
                   std::int64_t dim) {
  HWY_DYNAMIC_DISPATCH(softmax_row_block)(scores, visible, narrow, state, sums, dim);
}
void scale_row(const float* sums, std::int64_t dim, float factor, float* out, BFloat16* out_bf16) {
  HWY_DYNAMIC_DISPATCH(scaled_row)(sums, dim, factor, out, out_bf16);
}
void load_query(const float* q, std::int64_t dim, float scale, float* out, BFloat16* out_bf16) {
  scale_row(q, dim, scale, out, out_bf16);
  const std::int64_t padded = padded_head_dim(dim);
  if (out != nullptr) {
    std::fill(out + dim, out + padded, 0.0F);
  } else {
    std::fill(out_bf16 + dim, out_bf16 + padded, BFloat16{});
  }
}

}  // namespace vedette::models::backend::cpu::kernels
#endif
