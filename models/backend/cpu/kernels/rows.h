#pragma once

#include <cstdint>

#include "models/tensor/dtype.h"

// Row-wise and element-wise kernels on f32, single-threaded; the caller hands out rows. Outputs may be the
// inputs.
namespace vedette::models::backend::cpu::kernels {

using tensor::BFloat16;

// Pieces of far rows are hidden from the processor's own prefetching: asked for so many rows ahead.
inline constexpr std::int64_t kRowsAhead = 8;
template <class T>
void prefetch_row(const T* x, std::int64_t count) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(x + i);
}

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per row of n. x, y: [rows, n], rows ldx and ldy
// apart.
void layer_norm(const float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, const float* gamma,
                const float* beta, float epsilon, float* y, std::int64_t ldy);
// y = x / sqrt(mean(x^2) + epsilon) * gamma, per row of n.
void rms_norm(const float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, const float* gamma,
              float epsilon, float* y, std::int64_t ldy);

// x <- softmax(x * scale), per row of n.
void softmax(float* x, std::int64_t ldx, std::int64_t rows, std::int64_t n, float scale);
// log(sum(exp(x))) of n values; -infinity for n = 0.
float log_sum_exp(const float* x, std::int64_t n);
// Index of the greatest value, the first of equals. Requires: n >= 1.
std::int64_t argmax(const float* x, std::int64_t n);

void gelu_erf(const float* x, std::int64_t count, float* y);
void gelu_tanh(const float* x, std::int64_t count, float* y);
void silu(const float* x, std::int64_t count, float* y);
// y = silu(gate) * up
void silu_mul(const float* gate, const float* up, std::int64_t count, float* y);
void add(const float* a, const float* b, std::int64_t count, float* y);
void multiply(const float* a, const float* b, std::int64_t count, float* y);

// Rotates x ([rows, heads, head_dim], rows ldx apart) in place, halves style (dimension i with i + rotary_dim
// / 2); dimensions from rotary_dim on stay. cos, sin: [rows, rotary_dim / 2], made once per step for all
// layers.
void rope(float* x, std::int64_t ldx, std::int64_t rows, std::int64_t heads, std::int64_t head_dim,
          std::int64_t rotary_dim, const float* cos, const float* sin);

void to_bf16(const float* x, std::int64_t count, BFloat16* y);  // nearest even
void to_f32(const BFloat16* x, std::int64_t count, float* y);

}  // namespace vedette::models::backend::cpu::kernels
