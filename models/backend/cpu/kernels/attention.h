#pragma once

#include <cstdint>

#include "models/tensor/dtype.h"

// Attention over keys and values that lie in pages, for every use: an encoder's whole window, cross-attention
// to it, and causal attention with grouped heads over a paged cache. Single-threaded pieces; nothing
// allocates.
namespace vedette::models::backend::cpu::kernels {

// A page holds the keys and values of kPageTokens tokens for one head, in the order in which the kernels read
// them. A page must be zeroed once before its first use (what was never stored is multiplied by zero); it is
// 64-byte aligned.
inline constexpr std::int64_t kPageTokens = 32;

enum class KvFormat : std::uint8_t { kF32, kBF16 };

std::int64_t kv_page_bytes(KvFormat format, std::int64_t head_dim);  // a multiple of 64

// Stores tokens [first, first + count) of a page. k, v: [count, head_dim] f32, rows ldk and ldv apart.
void kv_store(KvFormat format, void* page, std::int64_t head_dim, std::int64_t first, std::int64_t count,
              const float* k, std::int64_t ldk, const float* v, std::int64_t ldv);
// The same of bf16 rows, for a page in kBF16.
void kv_store(void* page, std::int64_t head_dim, std::int64_t first, std::int64_t count,
              const tensor::BFloat16* k, std::int64_t ldk, const tensor::BFloat16* v, std::int64_t ldv);
// Rotates all keys of a page, pairing dimension i with i + head_dim / 2. cos, sin: [head_dim / 2].
// Requires: head_dim is even.
void kv_rotate(KvFormat format, void* page, std::int64_t head_dim, const float* cos, const float* sin);
// Reads one token back (as stored). k, v: [head_dim]; either may be null.
void kv_load(KvFormat format, const void* page, std::int64_t head_dim, std::int64_t token, float* k,
             float* v);

struct AttentionArgs {
  KvFormat format = KvFormat::kF32;
  std::int64_t head_dim = 0;
  float scale = 1.0F;                  // multiplies q * k
  const void* const* pages = nullptr;  // of this KV head, in token order
  std::int64_t keys = 0;               // tokens in those pages
  // Row (t, g) is query token t of the g-th query head that shares this KV head: q[t * ldq + g * head_dim].
  const float* q = nullptr;
  std::int64_t ldq = 0;
  std::int64_t tokens = 0;
  std::int64_t group = 1;
  // Token t sees keys [0, min(keys, first_visible + t)). For full attention: first_visible = keys.
  std::int64_t first_visible = 0;
  // Output: rows as those of q, `ldo` apart, or columns [tile_column, ...) of rows [tile_row, ...) in the
  // format kTiles with ldo as k_padded. Exactly one is set.
  float* out = nullptr;
  tensor::BFloat16* tiles = nullptr;
  std::int64_t ldo = 0;
  std::int64_t tile_row = 0, tile_column = 0;
};

// Rows are computed in blocks of this many; tasks of one head are the blocks of its tokens * group rows.
inline constexpr std::int64_t kAttentionRows = 48;
inline std::int64_t attention_tasks(std::int64_t tokens, std::int64_t group) {
  return (tokens * group + kAttentionRows - 1) / kAttentionRows;
}
// One block of one head.
void run_attention_task(const AttentionArgs& args, std::int64_t task);

// softmax(q * k * scale) of one row: `probabilities` [keys] (word times need them).
void attention_probabilities(const AttentionArgs& args, std::int64_t token, float* probabilities);

}  // namespace vedette::models::backend::cpu::kernels
