// Dot products of bf16 pairs and int8 quads (AVX-512 BF16, VNNI): Highway 1.0 has no targets for them.
#include <cmath>
#include <cstring>

#include "models/backend/cpu/kernels/microkernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VEDETTE_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,fma")))
#define VEDETTE_TARGET_INLINE VEDETTE_TARGET inline __attribute__((always_inline))

namespace vedette::models::backend::cpu::kernels {

namespace {

constexpr int kBf16Rows = 12;  // 24 accumulators, 2 weights; the activation is broadcast from memory
constexpr int kInt8Rows = 6;   // 12 integer and 12 f32 accumulators

template <int kRows>
VEDETTE_TARGET_INLINE void bf16_rows(const PanelRun& panel, const BFloat16* a, std::int64_t lda, float* tile,
                                     std::int64_t ld, bool add) {
  __m512 sums[kRows][2];
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    sums[r][0] = add ? _mm512_loadu_ps(tile + r * ld) : _mm512_setzero_ps();
    sums[r][1] = add ? _mm512_loadu_ps(tile + r * ld + 16) : _mm512_setzero_ps();
  }
  for (std::int64_t piece = 0; piece < panel.count; ++piece, a += panel.k) {
    const auto* weights = reinterpret_cast<const std::uint32_t*>(panel.pieces[piece]);
    for (std::int64_t i = 0; i < panel.k / 2; ++i, weights += kPanel) {
      const auto w0 = reinterpret_cast<__m512bh>(_mm512_load_si512(weights));
      const auto w1 = reinterpret_cast<__m512bh>(_mm512_load_si512(weights + 16));
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        std::int32_t pair;
        std::memcpy(&pair, a + r * lda + 2 * i, sizeof(pair));
        const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
        sums[r][0] = _mm512_dpbf16_ps(sums[r][0], x, w0);
        sums[r][1] = _mm512_dpbf16_ps(sums[r][1], x, w1);
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(tile + r * ld, sums[r][0]);
    _mm512_storeu_ps(tile + r * ld + 16, sums[r][1]);
  }
}

template <int kRows>
VEDETTE_TARGET void bf16_rest(const PanelRun& panel, const BFloat16* a, std::int64_t lda, std::int64_t rows,
                              float* tile, std::int64_t ld, bool add) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      bf16_rows<kRows>(panel, a, lda, tile, ld, add);
    } else {
      bf16_rest<kRows - 1>(panel, a, lda, rows, tile, ld, add);
    }
  }
}

// kRows rows against all groups of k: exact int32 sums of each group, scaled into f32 sums that stay in
// registers.
template <int kRows>
VEDETTE_TARGET_INLINE void int8_rows(const std::uint8_t* panel, std::int64_t groups, const std::uint8_t* a,
                                     std::int64_t row_bytes, float* tile, std::int64_t ld) {
  const std::uint8_t* scales = a + groups * kInt8Group;
  const std::uint8_t* corrections = scales + groups * 4;
  __m512 totals[kRows][2];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) totals[r][0] = totals[r][1] = _mm512_setzero_ps();
  for (std::int64_t index = 0; index < groups; ++index, panel += kInt8GroupBytes) {
    __m512i sums[kRows][2];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      std::int32_t correction;
      std::memcpy(&correction, corrections + r * row_bytes + index * 4, sizeof(correction));
      sums[r][0] = sums[r][1] = _mm512_set1_epi32(correction);
    }
    const std::uint8_t* values = a + index * kInt8Group;
#pragma GCC unroll 16
    for (std::int64_t quad = 0; quad < kInt8Group / 4; ++quad) {
      const __m512i w0 = _mm512_load_si512(panel + quad * 4 * kPanel);
      const __m512i w1 = _mm512_load_si512(panel + quad * 4 * kPanel + 64);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        std::int32_t four;
        std::memcpy(&four, values + r * row_bytes + quad * 4, sizeof(four));
        const __m512i x = _mm512_set1_epi32(four);
        sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], w0, x);
        sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], w1, x);
      }
    }
    const auto* weight_scales = reinterpret_cast<const float*>(panel + kPanel * kInt8Group);
    const __m512 s0 = _mm512_load_ps(weight_scales), s1 = _mm512_load_ps(weight_scales + 16);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      float scale;
      std::memcpy(&scale, scales + r * row_bytes + index * 4, sizeof(scale));
      const __m512 x = _mm512_set1_ps(scale);
      totals[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][0]), _mm512_mul_ps(s0, x), totals[r][0]);
      totals[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][1]), _mm512_mul_ps(s1, x), totals[r][1]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(tile + r * ld, totals[r][0]);
    _mm512_storeu_ps(tile + r * ld + 16, totals[r][1]);
  }
}

template <int kRows>
VEDETTE_TARGET void int8_rest(const std::uint8_t* panel, std::int64_t groups, const std::uint8_t* a,
                              std::int64_t row_bytes, std::int64_t rows, float* tile, std::int64_t ld) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      int8_rows<kRows>(panel, groups, a, row_bytes, tile, ld);
    } else {
      int8_rest<kRows - 1>(panel, groups, a, row_bytes, rows, tile, ld);
    }
  }
}

}  // namespace

VEDETTE_TARGET void tile_bf16_dot(const PanelRun& panel, const BFloat16* a, std::int64_t lda,
                                  std::int64_t rows, float* tile, std::int64_t ld, bool add) {
  std::int64_t r = 0;
  for (; r + kBf16Rows <= rows; r += kBf16Rows)
    bf16_rows<kBf16Rows>(panel, a + r * lda, lda, tile + r * ld, ld, add);
  bf16_rest<kBf16Rows - 1>(panel, a + r * lda, lda, rows - r, tile + r * ld, ld, add);
}

VEDETTE_TARGET void tile_int8(const std::uint8_t* panel, std::int64_t groups, const std::uint8_t* a,
                              std::int64_t row_bytes, std::int64_t rows, float* tile, std::int64_t ld) {
  std::int64_t r = 0;
  for (; r + kInt8Rows <= rows; r += kInt8Rows)
    int8_rows<kInt8Rows>(panel, groups, a + r * row_bytes, row_bytes, tile + r * ld, ld);
  int8_rest<kInt8Rows - 1>(panel, groups, a + r * row_bytes, row_bytes, rows - r, tile + r * ld, ld);
}

VEDETTE_TARGET void narrow_row(const float* x, std::int64_t k, std::int64_t k_padded, BFloat16* out,
                               std::int64_t step) {
  for (std::int64_t i = 0; i < k_padded; i += 16) {
    const auto mask = static_cast<__mmask16>(i + 16 <= k ? 0xffff : i >= k ? 0 : (1 << (k - i)) - 1);
    const __m256bh narrow = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i));
    std::memcpy(static_cast<void*>(out + i / 32 * step + i % 32), &narrow, sizeof(narrow));
  }
}

VEDETTE_TARGET void quantise_row(const float* x, std::int64_t k, std::int64_t groups, std::uint8_t* out) {
  auto* scales = reinterpret_cast<float*>(out + groups * kInt8Group);
  auto* corrections = reinterpret_cast<std::int32_t*>(scales + groups);
  for (std::int64_t group = 0; group < groups; ++group) {
    const std::int64_t left = k - group * kInt8Group;
    __m512 values[4];
    __m512 greatest = _mm512_setzero_ps();
    for (int v = 0; v < 4; ++v) {
      const std::int64_t count = left - v * 16;
      const auto mask = static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1 << count) - 1);
      values[v] = _mm512_maskz_loadu_ps(mask, x + group * kInt8Group + v * 16);
      greatest = _mm512_max_ps(greatest, _mm512_abs_ps(values[v]));
    }
    const float max = _mm512_reduce_max_ps(greatest);
    const __m512 inverse = _mm512_set1_ps(max > 0 ? 127.0F / max : 0.0F);
    __m512i sum = _mm512_setzero_si512();
    for (int v = 0; v < 4; ++v) {
      const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(values[v], inverse));
      sum = _mm512_add_epi32(sum, rounded);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + group * kInt8Group + v * 16),
                       _mm512_cvtsepi32_epi8(rounded));
    }
    scales[group] = max / 127.0F;
    corrections[group] = -128 * _mm512_reduce_add_epi32(sum);
  }
}

}  // namespace vedette::models::backend::cpu::kernels

#else

#include <cassert>

// No machine of this architecture reports kAvx512Bf16, so nothing asks for these formats.
namespace vedette::models::backend::cpu::kernels {

void tile_bf16(const BFloat16*, std::int64_t, const BFloat16*, std::int64_t, std::int64_t, float*,
               std::int64_t, bool) {
  assert(false);
}
void tile_int8(const std::uint8_t*, std::int64_t, const std::uint8_t*, std::int64_t, std::int64_t, float*,
               std::int64_t) {
  assert(false);
}
void quantise_row(const float*, std::int64_t, std::int64_t, std::uint8_t*) {
  assert(false);
}

}  // namespace vedette::models::backend::cpu::kernels

#endif
