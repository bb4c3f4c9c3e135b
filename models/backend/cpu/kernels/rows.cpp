#include "models/backend/cpu/kernels/rows.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/backend/cpu/kernels/rows.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "models/backend/cpu/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE {

// y = f(x) for one vector at a time; the rest of the row goes through a padded copy.
template <class F>
HWY_INLINE void map1(const float* x, std::int64_t count, float* y, F f) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(hn::LoadU(d, x + i)), d, y + i);
  if (i == count) return;
  HWY_ALIGN float rest[HWY_MAX_BYTES / sizeof(float)] = {};
  for (std::int64_t j = i; j < count; ++j) rest[j - i] = x[j];
  hn::Store(f(hn::Load(d, rest)), d, rest);
  for (std::int64_t j = i; j < count; ++j) y[j] = rest[j - i];
}

template <class F>
HWY_INLINE void map2(const float* a, const float* b, std::int64_t count, float* y, F f) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(f(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i);
  if (i == count) return;
  HWY_ALIGN float rest_a[HWY_MAX_BYTES / sizeof(float)] = {};
  HWY_ALIGN float rest_b[HWY_MAX_BYTES / sizeof(float)] = {};
  for (std::int64_t j = i; j < count; ++j) rest_a[j - i] = a[j], rest_b[j - i] = b[j];
  hn::Store(f(hn::Load(d, rest_a), hn::Load(d, rest_b)), d, rest_a);
  for (std::int64_t j = i; j < count; ++j) y[j] = rest_a[j - i];
}

// Sum of f(x) over a row.
template <class F>
HWY_INLINE float sum_of(const float* x, std::int64_t count, F f) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  F32V sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    sum0 = hn::Add(sum0, f(hn::LoadU(d, x + i)));
    sum1 = hn::Add(sum1, f(hn::LoadU(d, x + i + lanes)));
  }
  for (; i + lanes <= count; i += lanes) sum0 = hn::Add(sum0, f(hn::LoadU(d, x + i)));
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (; i < count; ++i) sum += hn::GetLane(f(hn::Set(d, x[i])));
  return sum;
}

float max_of(const float* x, std::int64_t count) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  F32V max = hn::Set(d, -std::numeric_limits<float>::infinity());
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) max = hn::Max(max, hn::LoadU(d, x + i));
  float result = hn::GetLane(hn::MaxOfLanes(d, max));
  for (; i < count; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

void layer_norm_rows(const float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, const float* gamma,
                     const float* beta, float epsilon, float* y, std::int64_t ldy) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto count = static_cast<float>(n);
  for (std::int64_t row = 0; row < rows; ++row, x += ldx, y += ldy) {
    const float mean = sum_of(x, n, [](F32V v) { return v; }) / count;
    const F32V means = hn::Set(d, mean);
    const float squares = sum_of(x, n, [&](F32V v) { return hn::Mul(hn::Sub(v, means), hn::Sub(v, means)); });
    const float inverse = 1.0F / std::sqrt(squares / count + epsilon);
    const F32V inverses = hn::Set(d, inverse);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      const F32V normal = hn::Mul(hn::Sub(hn::LoadU(d, x + i), means), inverses);
      hn::StoreU(hn::MulAdd(normal, hn::LoadU(d, gamma + i), hn::LoadU(d, beta + i)), d, y + i);
    }
    for (; i < n; ++i) y[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
  }
}

void rms_norm_rows(const float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, const float* gamma,
                   float epsilon, float* y, std::int64_t ldy) {
  const F32 d;
  for (std::int64_t row = 0; row < rows; ++row, x += ldx, y += ldy) {
    const float squares = sum_of(x, n, [](F32V v) { return hn::Mul(v, v); });
    const F32V inverse = hn::Set(d, 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon));
    map2(x, gamma, n, y, [&](F32V v, F32V g) { return hn::Mul(hn::Mul(v, inverse), g); });
  }
}

void softmax_rows(float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, float scale) {
  const F32 d;
  for (std::int64_t row = 0; row < rows; ++row, x += ldx) {
    const F32V scales = hn::Set(d, scale);
    map1(x, n, x, [&](F32V v) { return hn::Mul(v, scales); });
    const F32V max = hn::Set(d, max_of(x, n));
    map1(x, n, x, [&](F32V v) { return exp_of(hn::Sub(v, max)); });
    const F32V inverse = hn::Set(d, 1.0F / sum_of(x, n, [](F32V v) { return v; }));
    map1(x, n, x, [&](F32V v) { return hn::Mul(v, inverse); });
  }
}

float log_sum_exp_row(const float* x, std::int64_t n) {
  const float max = max_of(x, n);
  if (max == -std::numeric_limits<float>::infinity()) return max;
  const F32V maxima = hn::Set(F32(), max);
  return max + std::log(sum_of(x, n, [&](F32V v) { return exp_of(hn::Sub(v, maxima)); }));
}

std::int64_t argmax_row(const float* x, std::int64_t n) {
  const float max = max_of(x, n);
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const F32V maxima = hn::Set(d, max);
  std::int64_t i = 0;
  while (i + lanes <= n && hn::AllFalse(d, hn::Eq(hn::LoadU(d, x + i), maxima))) i += lanes;
  while (i < n && x[i] != max) ++i;
  return i < n ? i : 0;  // all NaN: the first
}

void gelu_erf_values(const float* x, std::int64_t count, float* y) {
  map1(x, count, y, [](F32V v) { return gelu_erf_of(v); });
}
void gelu_tanh_values(const float* x, std::int64_t count, float* y) {
  map1(x, count, y, [](F32V v) { return gelu_tanh_of(v); });
}
void silu_values(const float* x, std::int64_t count, float* y) {
  map1(x, count, y, [](F32V v) { return silu_of(v); });
}
void silu_mul_values(const float* gate, const float* up, std::int64_t count, float* y) {
  map2(gate, up, count, y, [](F32V g, F32V u) { return hn::Mul(silu_of(g), u); });
}
void add_values(const float* a, const float* b, std::int64_t count, float* y) {
  map2(a, b, count, y, [](F32V v, F32V w) { return hn::Add(v, w); });
}
void multiply_values(const float* a, const float* b, std::int64_t count, float* y) {
  map2(a, b, count, y, [](F32V v, F32V w) { return hn::Mul(v, w); });
}

void rope_rows(float* x, std::int64_t ldx, std::int64_t rows, std::int64_t heads, std::int64_t head_dim,
               std::int64_t rotary_dim, const float* cos, const float* sin) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t half = rotary_dim / 2;
  for (std::int64_t row = 0; row < rows; ++row, x += ldx, cos += half, sin += half) {
    for (std::int64_t head = 0; head < heads; ++head) {
      float* low = x + head * head_dim;
      float* high = low + half;
      std::int64_t i = 0;
      for (; i + lanes <= half; i += lanes) {
        const F32V c = hn::LoadU(d, cos + i), s = hn::LoadU(d, sin + i);
        const F32V a = hn::LoadU(d, low + i), b = hn::LoadU(d, high + i);
        hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, low + i);
        hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, high + i);
      }
      for (; i < half; ++i) {
        const float a = low[i], b = high[i];
        low[i] = a * cos[i] - b * sin[i];
        high[i] = b * cos[i] + a * sin[i];
      }
    }
  }
}

void to_bf16_values(const float* x, std::int64_t count, BFloat16* y) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store_bf16(hn::LoadU(d, x + i), y + i);
  for (; i < count; ++i) y[i] = tensor::to_bfloat16(x[i]);
}

void to_f32_values(const BFloat16* x, std::int64_t count, float* y) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(load_bf16(x + i), d, y + i);
  for (; i < count; ++i) y[i] = tensor::to_float(x[i]);
}

}  // namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vedette::models::backend::cpu::kernels {

HWY_EXPORT(layer_norm_rows);
HWY_EXPORT(rms_norm_rows);
HWY_EXPORT(softmax_rows);
HWY_EXPORT(log_sum_exp_row);
HWY_EXPORT(argmax_row);
HWY_EXPORT(gelu_erf_values);
HWY_EXPORT(gelu_tanh_values);
HWY_EXPORT(silu_values);
HWY_EXPORT(silu_mul_values);
HWY_EXPORT(add_values);
HWY_EXPORT(multiply_values);
HWY_EXPORT(rope_rows);
HWY_EXPORT(to_bf16_values);
HWY_EXPORT(to_f32_values);

void layer_norm(const float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, const float* gamma,
                const float* beta, float epsilon, float* y, std::int64_t ldy) {
  HWY_DYNAMIC_DISPATCH(layer_norm_rows)(x, ldx, rows, n, gamma, beta, epsilon, y, ldy);
}
void rms_norm(const float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, const float* gamma,
              float epsilon, float* y, std::int64_t ldy) {
  HWY_DYNAMIC_DISPATCH(rms_norm_rows)(x, ldx, rows, n, gamma, epsilon, y, ldy);
}
void softmax(float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, float scale) {
  HWY_DYNAMIC_DISPATCH(softmax_rows)(x, ldx, rows, n, scale);
}
float log_sum_exp(const float* x, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(log_sum_exp_row)(x, n);
}
std::int64_t argmax(const float* x, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(argmax_row)(x, n);
}
void gelu_erf(const float* x, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(gelu_erf_values)(x, count, y);
}
void gelu_tanh(const float* x, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(gelu_tanh_values)(x, count, y);
}
void silu(const float* x, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(silu_values)(x, count, y);
}
void silu_mul(const float* gate, const float* up, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(silu_mul_values)(gate, up, count, y);
}
void add(const float* a, const float* b, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(add_values)(a, b, count, y);
}
void multiply(const float* a, const float* b, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(multiply_values)(a, b, count, y);
}
void rope(float* x, std::int64_t ldx, std::int64_t rows, std::int64_t heads, std::int64_t head_dim,
          std::int64_t rotary_dim, const float* cos, const float* sin) {
  HWY_DYNAMIC_DISPATCH(rope_rows)(x, ldx, rows, heads, head_dim, rotary_dim, cos, sin);
}
void to_bf16(const float* x, std::int64_t count, BFloat16* y) {
  HWY_DYNAMIC_DISPATCH(to_bf16_values)(x, count, y);
}
void to_f32(const BFloat16* x, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(to_f32_values)(x, count, y);
}

}  // namespace vedette::models::backend::cpu::kernels
#endif
