#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "models/backend/backend.h"

// The backend's own kernels: each function enqueues one on the stream. Matrices are on the device. Throws:
// std::runtime_error when a launch is refused.
namespace vedette::models::backend::cuda {

void layer_norm(cudaStream_t stream, Matrix x, const float* weight, const float* bias, float epsilon,
                Matrix y);
void rms_norm(cudaStream_t stream, Matrix x, const float* weight, float epsilon, Matrix y);
void rope(cudaStream_t stream, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x);
void silu_mul(cudaStream_t stream, Matrix gate, Matrix up, Matrix y);
void add(cudaStream_t stream, Matrix a, Matrix b, Matrix y);
void copy_padded(cudaStream_t stream, Matrix x, std::int64_t before, Matrix y);
void argmax(cudaStream_t stream, Matrix x, std::int32_t* indices);
// y[i] = row ids[i] of `table` (f32, bf16 or f16, y.columns wide); ids and table are on the device.
void embedding(cudaStream_t stream, const tensor::TensorView& table, const std::int32_t* ids, Matrix y);
// x as bf16, its rows x.columns apart.
void narrow(cudaStream_t stream, Matrix x, void* bf16);
// y = activation(y + bias) + residual; bias and residual may be null. cuBLASLt's own GELU is the tanh form
// only.
void finish_product(cudaStream_t stream, const float* bias, Activation activation, Matrix residual, Matrix y);

// One KV head's tokens: pages of [page_tokens][head_dim] keys, then values, or plain rows.
struct AttentionRow {
  const float* q;  // [head_dim]
  float* y;        // [head_dim]; or weights [keys]
  std::int64_t keys;
  // Plain rows:
  const float* k;
  const float* v;
  std::int64_t stride;
  // Pages, where k is null: block = pages[token / page_tokens] + offset
  std::byte* const* pages;
  std::size_t offset;
};
struct AttentionShape {
  int head_dim;
  int page_tokens;
  bool bf16;  // of the pages
  float scale;
};
// rows: on the device.
void attend(cudaStream_t stream, const AttentionRow* rows, std::int64_t count, const AttentionShape& shape);
void attention_weights(cudaStream_t stream, const AttentionRow* rows, std::int64_t count,
                       const AttentionShape& shape);

// Where one token's k and v of one head are stored.
struct KvTarget {
  const float* k;
  const float* v;
  std::byte* block;
  int row;
};
void store_kv(cudaStream_t stream, const KvTarget* targets, std::int64_t count, const AttentionShape& shape);
// Rotates the keys of `blocks` blocks in each of `count` pages. pages, cos and sin are on the device.
void rotate_kv(cudaStream_t stream, std::byte* const* pages, std::int64_t count, int blocks,
               std::size_t block_bytes, const float* cos, const float* sin, const AttentionShape& shape);

}  // namespace vedette::models::backend::cuda
