#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "models/backend/cpu/kernels/attention.h"
#include "models/backend/cpu/kernels/attention_tile.h"
#include "models/backend/cpu/kernels/microkernels.h"
#include "models/backend/cpu/kernels/rows.h"

namespace vedette::models::backend::cpu::kernels {

namespace {

// Where an element of K (token, dimension) and of V lies in its half of a bf16 page; f32 pages have no pairs.
std::int64_t bf16_k_at(std::int64_t token, std::int64_t i) {
  return (i / 2) * 2 * kPageTokens + token * 2 + i % 2;
}
std::int64_t bf16_v_at(std::int64_t token, std::int64_t i) {
  return (i / kPanel) * kPageTokens * kPanel + (token / 2) * 2 * kPanel + (i % kPanel) * 2 + token % 2;
}
std::int64_t f32_k_at(std::int64_t token, std::int64_t i) {
  return i * kPageTokens + token;
}
std::int64_t f32_v_at(std::int64_t token, std::int64_t i) {
  return (i / kPanel) * kPageTokens * kPanel + token * kPanel + i % kPanel;
}

// Whole pairs of tokens, vectorised: K by pairs of dimensions, V by pairs of tokens.
void store_bf16_pair(tensor::BFloat16* page, std::int64_t head_dim, std::int64_t token, const float* k0,
                     const float* k1, const float* v0, const float* v1) {
  alignas(64) tensor::BFloat16 rows[2][kMaxHeadDim];
  const std::int64_t width = padded_head_dim(head_dim);
  if (head_dim % 2 != 0) rows[0][head_dim] = rows[1][head_dim] = {};
  to_bf16(k0, head_dim, rows[0]);
  to_bf16(k1, head_dim, rows[1]);
  for (std::int64_t i = 0; i < head_dim; i += 2) {
    std::memcpy(page + bf16_k_at(token, i), &rows[0][i], 4);
    std::memcpy(page + bf16_k_at(token + 1, i), &rows[1][i], 4);
  }
  to_bf16(v0, head_dim, rows[0]);
  to_bf16(v1, head_dim, rows[1]);
  page += kPageTokens * width;
  for (std::int64_t i = 0; i < head_dim; i += kPanel) {
    tensor::BFloat16* out = page + bf16_v_at(token, i);
    const std::int64_t count = std::min(kPanel, head_dim - i);
    for (std::int64_t c = 0; c < count; ++c) out[2 * c] = rows[0][i + c], out[2 * c + 1] = rows[1][i + c];
  }
}

}  // namespace

std::int64_t kv_page_bytes(KvFormat format, std::int64_t head_dim) {
  if (head_dim < 1 || head_dim > kMaxHeadDim) {
    throw std::invalid_argument("a head of " + std::to_string(head_dim) + " dimensions; 1 to " +
                                std::to_string(kMaxHeadDim) + " are possible");
  }
  return 2 * kPageTokens * padded_head_dim(head_dim) * (format == KvFormat::kF32 ? 4 : 2);
}

void kv_store(KvFormat format, void* page, std::int64_t head_dim, std::int64_t first, std::int64_t count,
              const float* k, std::int64_t ldk, const float* v, std::int64_t ldv) {
  const std::int64_t half = kPageTokens * padded_head_dim(head_dim);
  for (std::int64_t row = 0; row < count; ++row, k += ldk, v += ldv) {
    const std::int64_t token = first + row;
    if (row + kRowsAhead < count) {
      prefetch_row(k + kRowsAhead * ldk, head_dim);
      prefetch_row(v + kRowsAhead * ldv, head_dim);
    }
    if (format == KvFormat::kBF16 && token % 2 == 0 && row + 1 < count) {
      store_bf16_pair(static_cast<tensor::BFloat16*>(page), head_dim, token, k, k + ldk, v, v + ldv);
      ++row, k += ldk, v += ldv;
      continue;
    }
    if (format == KvFormat::kF32) {
      auto* out = static_cast<float*>(page);
      for (std::int64_t i = 0; i < head_dim; ++i) out[f32_k_at(token, i)] = k[i];
      for (std::int64_t i = 0; i < head_dim; ++i) out[half + f32_v_at(token, i)] = v[i];
    } else {
      auto* out = static_cast<tensor::BFloat16*>(page);
      for (std::int64_t i = 0; i < head_dim; ++i) out[bf16_k_at(token, i)] = tensor::to_bfloat16(k[i]);
      for (std::int64_t i = 0; i < head_dim; ++i) out[half + bf16_v_at(token, i)] = tensor::to_bfloat16(v[i]);
    }
  }
}

void kv_rotate(KvFormat format, void* page, std::int64_t head_dim, const float* cos, const float* sin) {
  const std::int64_t half = head_dim / 2;
  float low[kPageTokens], high[kPageTokens];
  for (std::int64_t i = 0; i < half; ++i) {
    // One dimension of all tokens at a time: they lie side by side, or with one other between.
    const auto turn = [&](auto* keys, std::int64_t step, auto&& widen, auto&& narrow) {
      const std::int64_t at = step == 1 ? f32_k_at(0, i) : bf16_k_at(0, i);
      const std::int64_t other = step == 1 ? f32_k_at(0, i + half) : bf16_k_at(0, i + half);
      for (std::int64_t t = 0; t < kPageTokens; ++t) {
        low[t] = widen(keys[at + t * step]);
        high[t] = widen(keys[other + t * step]);
      }
      for (std::int64_t t = 0; t < kPageTokens; ++t) {
        keys[at + t * step] = narrow(low[t] * cos[i] - high[t] * sin[i]);
        keys[other + t * step] = narrow(high[t] * cos[i] + low[t] * sin[i]);
      }
    };
    if (format == KvFormat::kF32) {
      turn(
          static_cast<float*>(page), 1, [](float x) { return x; }, [](float x) { return x; });
    } else {
      turn(
          static_cast<tensor::BFloat16*>(page), 2,
          [](tensor::BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); },
          [](float x) {
            const auto bits = std::bit_cast<std::uint32_t>(x);
            return tensor::BFloat16{static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16)};
          });
    }
  }
}

void kv_load(KvFormat format, const void* page, std::int64_t head_dim, std::int64_t token, float* k,
             float* v) {
  const std::int64_t half = kPageTokens * padded_head_dim(head_dim);
  for (std::int64_t i = 0; i < head_dim; ++i) {
    if (format == KvFormat::kF32) {
      const auto* in = static_cast<const float*>(page);
      if (k != nullptr) k[i] = in[f32_k_at(token, i)];
      if (v != nullptr) v[i] = in[half + f32_v_at(token, i)];
    } else {
      const auto* in = static_cast<const tensor::BFloat16*>(page);
      if (k != nullptr) k[i] = tensor::to_float(in[bf16_k_at(token, i)]);
      if (v != nullptr) v[i] = tensor::to_float(in[half + bf16_v_at(token, i)]);
    }
  }
}

}  // namespace vedette::models::backend::cpu::kernels
