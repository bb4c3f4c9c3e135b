#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>

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

// Whole pairs of tokens, vectorised: K by pairs of dimensions, V by pairs of tokens. Each row of an odd
// length is followed by one value of padding.
void store_pair(tensor::BFloat16* page, std::int64_t head_dim, std::int64_t token, const tensor::BFloat16* k0,
                const tensor::BFloat16* k1, const tensor::BFloat16* v0, const tensor::BFloat16* v1) {
  for (std::int64_t i = 0; i < head_dim; i += 2) {
    std::memcpy(page + bf16_k_at(token, i), k0 + i, 4);
    std::memcpy(page + bf16_k_at(token + 1, i), k1 + i, 4);
  }
  page += kPageTokens * padded_head_dim(head_dim);
  for (std::int64_t i = 0; i < head_dim; i += kPanel) {
    tensor::BFloat16* out = page + bf16_v_at(token, i);
    const std::int64_t count = std::min(kPanel, head_dim - i);
    for (std::int64_t c = 0; c < count; ++c) out[2 * c] = v0[i + c], out[2 * c + 1] = v1[i + c];
  }
}

void store_pair(tensor::BFloat16* page, std::int64_t head_dim, std::int64_t token, const float* k0,
                const float* k1, const float* v0, const float* v1) {
  alignas(64) tensor::BFloat16 rows[4][kMaxHeadDim];
  const float* wide[] = {k0, k1, v0, v1};
  for (std::size_t i = 0; i < 4; ++i) {
    to_bf16(wide[i], head_dim, rows[i]);
    if (head_dim % 2 != 0) rows[i][head_dim] = {};
  }
  store_pair(page, head_dim, token, rows[0], rows[1], rows[2], rows[3]);
}

tensor::BFloat16 narrow(float x) {
  return tensor::to_bfloat16(x);
}
tensor::BFloat16 narrow(tensor::BFloat16 x) {
  return x;
}

template <class T>
void store_one(tensor::BFloat16* page, std::int64_t head_dim, std::int64_t token, const T* k, const T* v) {
  const std::int64_t half = kPageTokens * padded_head_dim(head_dim);
  for (std::int64_t i = 0; i < head_dim; ++i) page[bf16_k_at(token, i)] = narrow(k[i]);
  for (std::int64_t i = 0; i < head_dim; ++i) page[half + bf16_v_at(token, i)] = narrow(v[i]);
}

template <class T>
void store_bf16(tensor::BFloat16* page, std::int64_t head_dim, std::int64_t first, std::int64_t count,
                const T* k, std::int64_t ldk, const T* v, std::int64_t ldv) {
  const bool pairs = std::is_same_v<T, float> || head_dim % 2 == 0;  // bf16 is read by two
  for (std::int64_t row = 0; row < count; ++row, k += ldk, v += ldv) {
    if (row + kRowsAhead < count) {
      prefetch_row(k + kRowsAhead * ldk, head_dim);
      prefetch_row(v + kRowsAhead * ldv, head_dim);
    }
    const std::int64_t token = first + row;
    const bool odd = token % 2 != 0;
    if (pairs && odd && row > 0) {
      store_pair(page, head_dim, token - 1, k - ldk, k, v - ldv, v);
    } else if (!pairs || odd || row + 1 == count) {
      store_one(page, head_dim, token, k, v);
    }
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
  if (format == KvFormat::kBF16) {
    store_bf16(static_cast<tensor::BFloat16*>(page), head_dim, first, count, k, ldk, v, ldv);
    return;
  }
  auto *keys = static_cast<float*>(page), *values = keys + kPageTokens * padded_head_dim(head_dim);
  for (std::int64_t token = first; token < first + count; ++token, k += ldk, v += ldv) {
    for (std::int64_t i = 0; i < head_dim; ++i) keys[f32_k_at(token, i)] = k[i];
    for (std::int64_t i = 0; i < head_dim; ++i) values[f32_v_at(token, i)] = v[i];
  }
}

void kv_store(void* page, std::int64_t head_dim, std::int64_t first, std::int64_t count,
              const tensor::BFloat16* k, std::int64_t ldk, const tensor::BFloat16* v, std::int64_t ldv) {
  store_bf16(static_cast<tensor::BFloat16*>(page), head_dim, first, count, k, ldk, v, ldv);
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
