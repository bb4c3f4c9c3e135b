// Attention, one block per row and head: scores of kThreads keys at a time, with a running maximum and sum.
#include <cuda_bf16.h>

#include <cfloat>

#include "models/backend/cuda/cuda_error.h"
#include "models/backend/cuda/device_kernels.h"

namespace vedette::models::backend::cuda {

namespace {

constexpr int kThreads = 128;
constexpr int kMaxHeadDim = 256;
constexpr int kColumns = kMaxHeadDim / kThreads;  // of the output, per thread

template <class Combine>
__device__ float across_block(float value, Combine combine) {
  __shared__ float partial[kThreads];
  partial[threadIdx.x] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] = combine(partial[threadIdx.x], partial[threadIdx.x + half]);
    __syncthreads();
  }
  const float result = partial[0];
  __syncthreads();
  return result;
}
__device__ float max_across_block(float value) {
  return across_block(value, [](float a, float b) { return fmaxf(a, b); });
}
__device__ float sum_across_block(float value) {
  return across_block(value, [](float a, float b) { return a + b; });
}

// Element i of a token's key (part 0) or value (part 1).
__device__ float element(const AttentionRow& row, const AttentionShape& shape, std::int64_t token, int part,
                         int i) {
  if (row.k != nullptr) return (part == 0 ? row.k : row.v)[token * row.stride + i];
  const std::byte* block = row.pages[token / shape.page_tokens] + row.offset;
  const int at =
      (part * shape.page_tokens + static_cast<int>(token % shape.page_tokens)) * shape.head_dim + i;
  return shape.bf16 ? __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(block)[at])
                    : reinterpret_cast<const float*>(block)[at];
}

__device__ float score(const AttentionRow& row, const AttentionShape& shape, const float* q,
                       std::int64_t token) {
  float sum = 0;
  for (int i = 0; i < shape.head_dim; ++i) sum += q[i] * element(row, shape, token, 0, i);
  return sum * shape.scale;
}

__device__ void load_query(const AttentionRow& row, const AttentionShape& shape, float* q) {
  for (int i = threadIdx.x; i < shape.head_dim; i += kThreads) q[i] = row.q[i];
  __syncthreads();
}

__global__ void attend_kernel(const AttentionRow* rows, AttentionShape shape) {
  __shared__ float q[kMaxHeadDim], weights[kThreads];
  const AttentionRow row = rows[blockIdx.x];
  load_query(row, shape, q);
  float sums[kColumns] = {}, maximum = -FLT_MAX, total = 0;
  for (std::int64_t first = 0; first < row.keys; first += kThreads) {
    const std::int64_t token = first + threadIdx.x;
    const float mine = token < row.keys ? score(row, shape, q, token) : -FLT_MAX;
    const float raised = fmaxf(maximum, max_across_block(mine));
    const float factor = expf(maximum - raised);
    maximum = raised;
    weights[threadIdx.x] = token < row.keys ? expf(mine - maximum) : 0.0F;
    total = total * factor + sum_across_block(weights[threadIdx.x]);
    const int here = static_cast<int>(min(static_cast<std::int64_t>(kThreads), row.keys - first));
    for (int c = 0; c < kColumns; ++c) {
      const int i = static_cast<int>(threadIdx.x) + c * kThreads;
      if (i >= shape.head_dim) break;
      sums[c] *= factor;
      for (int t = 0; t < here; ++t) sums[c] += weights[t] * element(row, shape, first + t, 1, i);
    }
    __syncthreads();
  }
  for (int c = 0; c < kColumns; ++c) {
    const int i = static_cast<int>(threadIdx.x) + c * kThreads;
    if (i < shape.head_dim) row.y[i] = total > 0 ? sums[c] / total : 0.0F;
  }
}

__global__ void weights_kernel(const AttentionRow* rows, AttentionShape shape) {
  __shared__ float q[kMaxHeadDim];
  const AttentionRow row = rows[blockIdx.x];
  load_query(row, shape, q);
  float maximum = -FLT_MAX, total = 0;
  for (std::int64_t token = threadIdx.x; token < row.keys; token += kThreads) {
    row.y[token] = score(row, shape, q, token);
    maximum = fmaxf(maximum, row.y[token]);
  }
  maximum = max_across_block(maximum);
  for (std::int64_t token = threadIdx.x; token < row.keys; token += kThreads) {
    row.y[token] = expf(row.y[token] - maximum);
    total += row.y[token];
  }
  total = sum_across_block(total);
  for (std::int64_t token = threadIdx.x; token < row.keys; token += kThreads) row.y[token] /= total;
}

__global__ void store_kernel(const KvTarget* targets, AttentionShape shape) {
  const KvTarget target = targets[blockIdx.x];
  const int half = shape.page_tokens * shape.head_dim;
  for (int i = threadIdx.x; i < shape.head_dim; i += kThreads) {
    const int at = target.row * shape.head_dim + i;
    if (shape.bf16) {
      auto* block = reinterpret_cast<__nv_bfloat16*>(target.block);
      block[at] = __float2bfloat16_rn(target.k[i]);
      block[half + at] = __float2bfloat16_rn(target.v[i]);
    } else {
      auto* block = reinterpret_cast<float*>(target.block);
      block[at] = target.k[i];
      block[half + at] = target.v[i];
    }
  }
}

__global__ void rotate_kernel(std::byte* const* pages, int blocks, std::size_t block_bytes, const float* cos,
                              const float* sin, AttentionShape shape) {
  std::byte* block = pages[blockIdx.x / blocks] + (blockIdx.x % blocks) * block_bytes;
  const int half = shape.head_dim / 2;
  for (int i = threadIdx.x; i < shape.page_tokens * half; i += kThreads) {
    const int pair = i % half, low_at = i / half * shape.head_dim + pair, high_at = low_at + half;
    auto* narrow = reinterpret_cast<__nv_bfloat16*>(block);
    auto* wide = reinterpret_cast<float*>(block);
    const float low = shape.bf16 ? __bfloat162float(narrow[low_at]) : wide[low_at];
    const float high = shape.bf16 ? __bfloat162float(narrow[high_at]) : wide[high_at];
    const float turned_low = low * cos[pair] - high * sin[pair];
    const float turned_high = high * cos[pair] + low * sin[pair];
    if (shape.bf16) {
      narrow[low_at] = __float2bfloat16_rn(turned_low);
      narrow[high_at] = __float2bfloat16_rn(turned_high);
    } else {
      wide[low_at] = turned_low;
      wide[high_at] = turned_high;
    }
  }
}

}  // namespace

void attend(cudaStream_t stream, const AttentionRow* rows, std::int64_t count, const AttentionShape& shape) {
  attend_kernel<<<static_cast<unsigned>(count), kThreads, 0, stream>>>(rows, shape);
  check(cudaGetLastError(), "attend_kernel");
}

void attention_weights(cudaStream_t stream, const AttentionRow* rows, std::int64_t count,
                       const AttentionShape& shape) {
  weights_kernel<<<static_cast<unsigned>(count), kThreads, 0, stream>>>(rows, shape);
  check(cudaGetLastError(), "weights_kernel");
}

void store_kv(cudaStream_t stream, const KvTarget* targets, std::int64_t count, const AttentionShape& shape) {
  store_kernel<<<static_cast<unsigned>(count), kThreads, 0, stream>>>(targets, shape);
  check(cudaGetLastError(), "store_kernel");
}

void rotate_kv(cudaStream_t stream, std::byte* const* pages, std::int64_t count, int blocks,
               std::size_t block_bytes, const float* cos, const float* sin, const AttentionShape& shape) {
  rotate_kernel<<<static_cast<unsigned>(count * blocks), kThreads, 0, stream>>>(pages, blocks, block_bytes,
                                                                                cos, sin, shape);
  check(cudaGetLastError(), "rotate_kernel");
}

}  // namespace vedette::models::backend::cuda
