// The softmax of the bf16 path: eight vectors of scores at a time, straight to bf16.
#include "models/backend/cpu/kernels/attention_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>
#include <cstring>

#define VEDETTE_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma")))
#define VEDETTE_TARGET_INLINE VEDETTE_TARGET inline __attribute__((always_inline))

namespace vedette::models::backend::cpu::kernels {

namespace {

constexpr int kVectors = kKeyBlock / 16;
constexpr float kLag = 8.0F;  // weights stay below 2^8

// 2^x for x <= kLag to 4e-6: a polynomial on [-0.5, 0.5] (Taylor's terms, fitted), and the exponent set
// directly.
VEDETTE_TARGET_INLINE __m512 exp2_of(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(9.6180e-3F);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(5.5504e-2F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(2.40226507e-1F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(6.93147182e-1F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, whole);
}

VEDETTE_TARGET_INLINE void load_scores(const float* scores, std::int64_t visible, __m512* x) {
  if (visible >= kKeyBlock) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) x[v] = _mm512_load_ps(scores + v * 16);
    return;
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const std::int64_t count = visible - v * 16;
    const auto mask = static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1 << count) - 1);
    x[v] = _mm512_mask_load_ps(_mm512_set1_ps(kNoMaximum), mask, scores + v * 16);
  }
}

VEDETTE_TARGET void raise_maximum(AttentionBlock& block, std::int64_t row, float maximum) {
  const float factor = std::exp2(block.maxima[row] - maximum);
  const __m512 factors = _mm512_set1_ps(factor);
  float* sums = block.sums + row * block.width;
  for (std::int64_t i = 0; i < block.width; i += 16) {
    _mm512_store_ps(sums + i, _mm512_mul_ps(_mm512_load_ps(sums + i), factors));
  }
  float* totals = block.totals + row * AttentionBlock::kLanes;
  _mm512_store_ps(totals, _mm512_mul_ps(_mm512_load_ps(totals), factors));
  block.maxima[row] = maximum;
}

}  // namespace

VEDETTE_TARGET void softmax_block_bf16(AttentionBlock& block) {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    tensor::BFloat16* weights = block.weights + row * kKeyBlock;
    if (block.visible[row] <= 0) {
      std::memset(static_cast<void*>(weights), 0, kKeyBlock * sizeof(*weights));
      continue;
    }
    __m512 x[kVectors];
    load_scores(block.scores + row * kKeyBlock, block.visible[row], x);
    const __m512 greatest =
        _mm512_max_ps(_mm512_max_ps(_mm512_max_ps(x[0], x[1]), _mm512_max_ps(x[2], x[3])),
                      _mm512_max_ps(_mm512_max_ps(x[4], x[5]), _mm512_max_ps(x[6], x[7])));
    if (_mm512_cmp_ps_mask(greatest, _mm512_set1_ps(block.maxima[row] + kLag), _CMP_GT_OQ) != 0) {
      raise_maximum(block, row, _mm512_reduce_max_ps(greatest));
    }
    const __m512 shift = _mm512_set1_ps(block.maxima[row]);
    float* totals = block.totals + row * AttentionBlock::kLanes;
    __m512 total = _mm512_load_ps(totals);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const __m512 weight = exp2_of(_mm512_sub_ps(x[v], shift));
      total = _mm512_add_ps(total, weight);
      const __m256bh narrow = _mm512_cvtneps_pbh(weight);
      std::memcpy(static_cast<void*>(weights + v * 16), &narrow, sizeof(narrow));
    }
    _mm512_store_ps(totals, total);
  }
}

}  // namespace vedette::models::backend::cpu::kernels

#else

#include <cassert>

namespace vedette::models::backend::cpu::kernels {

void softmax_block_bf16(AttentionBlock&) {
  assert(false);
}

}  // namespace vedette::models::backend::cpu::kernels

#endif
