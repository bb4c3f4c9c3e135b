// Row-wise kernels: one block per row.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cfloat>

#include "models/backend/cuda/cuda_error.h"
#include "models/backend/cuda/device_kernels.h"

namespace vedette::models::backend::cuda {

namespace {

constexpr int kThreads = 256;

// What `combine` makes of all threads' values, given to every thread.
template <class T, class Combine>
__device__ T across_block(T value, Combine combine) {
  __shared__ T partial[kThreads];
  partial[threadIdx.x] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] = combine(partial[threadIdx.x], partial[threadIdx.x + half]);
    __syncthreads();
  }
  const T result = partial[0];
  __syncthreads();
  return result;
}

__device__ float sum_across_block(float value) {
  return across_block(value, [](float a, float b) { return a + b; });
}

__global__ void layer_norm_kernel(Matrix x, const float* weight, const float* bias, float epsilon, Matrix y) {
  const float* in = x.data + blockIdx.x * x.stride;
  float* out = y.data + blockIdx.x * y.stride;
  float sum = 0;
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) sum += in[i];
  const float mean = sum_across_block(sum) / static_cast<float>(x.columns);
  float squares = 0;
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) squares += (in[i] - mean) * (in[i] - mean);
  const float inverse = rsqrtf(sum_across_block(squares) / static_cast<float>(x.columns) + epsilon);
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) {
    out[i] = (in[i] - mean) * inverse * weight[i] + bias[i];
  }
}

__global__ void rms_norm_kernel(Matrix x, const float* weight, float epsilon, Matrix y) {
  const float* in = x.data + blockIdx.x * x.stride;
  float* out = y.data + blockIdx.x * y.stride;
  float squares = 0;
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) squares += in[i] * in[i];
  const float inverse = rsqrtf(sum_across_block(squares) / static_cast<float>(x.columns) + epsilon);
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) out[i] = in[i] * inverse * weight[i];
}

__global__ void rope_kernel(Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) {
  const std::int64_t half = head_dim / 2;
  float* row = x.data + blockIdx.x * x.stride;
  for (std::int64_t i = threadIdx.x; i < x.columns / 2; i += kThreads) {
    float* low = row + i / half * head_dim + i % half;
    const float c = cos.data[blockIdx.x * cos.stride + i % half],
                s = sin.data[blockIdx.x * sin.stride + i % half];
    const float a = low[0], b = low[half];
    low[0] = a * c - b * s;
    low[half] = b * c + a * s;
  }
}

__device__ float silu(float x) {
  return x / (1.0F + expf(-x));
}

__global__ void silu_mul_kernel(Matrix gate, Matrix up, Matrix y) {
  for (std::int64_t i = threadIdx.x; i < y.columns; i += kThreads) {
    y.data[blockIdx.x * y.stride + i] =
        silu(gate.data[blockIdx.x * gate.stride + i]) * up.data[blockIdx.x * up.stride + i];
  }
}

__global__ void add_kernel(Matrix a, Matrix b, Matrix y) {
  for (std::int64_t i = threadIdx.x; i < y.columns; i += kThreads) {
    y.data[blockIdx.x * y.stride + i] = a.data[blockIdx.x * a.stride + i] + b.data[blockIdx.x * b.stride + i];
  }
}

__global__ void copy_padded_kernel(Matrix x, std::int64_t before, Matrix y) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) - before;
  const bool inside = row >= 0 && row < x.rows;
  for (std::int64_t i = threadIdx.x; i < y.columns; i += kThreads) {
    y.data[blockIdx.x * y.stride + i] = inside ? x.data[row * x.stride + i] : 0.0F;
  }
}

struct Candidate {
  float value;
  std::int32_t index;
};

__global__ void argmax_kernel(Matrix x, std::int32_t* indices) {
  const float* row = x.data + blockIdx.x * x.stride;
  Candidate best{-FLT_MAX, 0};
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) {
    if (row[i] > best.value) best = {row[i], static_cast<std::int32_t>(i)};
  }
  best = across_block(best, [](Candidate a, Candidate b) {
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
  });
  if (threadIdx.x == 0) indices[blockIdx.x] = best.index;
}

template <class T>
__global__ void embedding_kernel(const T* table, const std::int32_t* ids, Matrix y) {
  const T* row = table + static_cast<std::int64_t>(ids[blockIdx.x]) * y.columns;
  for (std::int64_t i = threadIdx.x; i < y.columns; i += kThreads) {
    y.data[blockIdx.x * y.stride + i] = static_cast<float>(row[i]);
  }
}

__global__ void narrow_kernel(Matrix x, __nv_bfloat16* out) {
  for (std::int64_t i = threadIdx.x; i < x.columns; i += kThreads) {
    out[blockIdx.x * x.columns + i] = __float2bfloat16_rn(x.data[blockIdx.x * x.stride + i]);
  }
}

__device__ float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kGeluErf: return 0.5F * x * (1.0F + erff(x * 0.70710678F));
    case Activation::kGeluTanh: return 0.5F * x * (1.0F + tanhf(0.79788456F * (x + 0.044715F * x * x * x)));
    case Activation::kGeluQuick: return x / (1.0F + expf(-1.702F * x));
    case Activation::kSilu: return silu(x);
  }
  return x;
}

__global__ void finish_kernel(const float* bias, Activation activation, Matrix residual, Matrix y) {
  float* row = y.data + blockIdx.x * y.stride;
  for (std::int64_t i = threadIdx.x; i < y.columns; i += kThreads) {
    const float x = activate(activation, bias == nullptr ? row[i] : row[i] + bias[i]);
    row[i] = residual.data == nullptr ? x : x + residual.data[blockIdx.x * residual.stride + i];
  }
}

unsigned rows_of(const Matrix& x) {
  return static_cast<unsigned>(x.rows);
}

}  // namespace

void layer_norm(cudaStream_t stream, Matrix x, const float* weight, const float* bias, float epsilon,
                Matrix y) {
  layer_norm_kernel<<<rows_of(x), kThreads, 0, stream>>>(x, weight, bias, epsilon, y);
  check(cudaGetLastError(), "layer_norm_kernel");
}

void rms_norm(cudaStream_t stream, Matrix x, const float* weight, float epsilon, Matrix y) {
  rms_norm_kernel<<<rows_of(x), kThreads, 0, stream>>>(x, weight, epsilon, y);
  check(cudaGetLastError(), "rms_norm_kernel");
}

void rope(cudaStream_t stream, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) {
  rope_kernel<<<rows_of(x), kThreads, 0, stream>>>(cos, sin, head_dim, x);
  check(cudaGetLastError(), "rope_kernel");
}

void silu_mul(cudaStream_t stream, Matrix gate, Matrix up, Matrix y) {
  silu_mul_kernel<<<rows_of(y), kThreads, 0, stream>>>(gate, up, y);
  check(cudaGetLastError(), "silu_mul_kernel");
}

void add(cudaStream_t stream, Matrix a, Matrix b, Matrix y) {
  add_kernel<<<rows_of(y), kThreads, 0, stream>>>(a, b, y);
  check(cudaGetLastError(), "add_kernel");
}

void copy_padded(cudaStream_t stream, Matrix x, std::int64_t before, Matrix y) {
  copy_padded_kernel<<<rows_of(y), kThreads, 0, stream>>>(x, before, y);
  check(cudaGetLastError(), "copy_padded_kernel");
}

void argmax(cudaStream_t stream, Matrix x, std::int32_t* indices) {
  argmax_kernel<<<rows_of(x), kThreads, 0, stream>>>(x, indices);
  check(cudaGetLastError(), "argmax_kernel");
}

void embedding(cudaStream_t stream, const tensor::TensorView& table, const std::int32_t* ids, Matrix y) {
  const auto rows = rows_of(y);
  switch (table.dtype()) {
    case tensor::DType::kF32:
      embedding_kernel<<<rows, kThreads, 0, stream>>>(static_cast<const float*>(table.data()), ids, y);
      break;
    case tensor::DType::kBF16:
      embedding_kernel<<<rows, kThreads, 0, stream>>>(static_cast<const __nv_bfloat16*>(table.data()), ids,
                                                      y);
      break;
    case tensor::DType::kF16:
      embedding_kernel<<<rows, kThreads, 0, stream>>>(static_cast<const __half*>(table.data()), ids, y);
      break;
    default:
      throw std::invalid_argument(std::string("an embedding of ") + tensor::to_string(table.dtype()) +
                                  "; expected f32, bf16 or f16");
  }
  check(cudaGetLastError(), "embedding_kernel");
}

void narrow(cudaStream_t stream, Matrix x, void* bf16) {
  narrow_kernel<<<rows_of(x), kThreads, 0, stream>>>(x, static_cast<__nv_bfloat16*>(bf16));
  check(cudaGetLastError(), "narrow_kernel");
}

void finish_product(cudaStream_t stream, const float* bias, Activation activation, Matrix residual,
                    Matrix y) {
  finish_kernel<<<rows_of(y), kThreads, 0, stream>>>(bias, activation, residual, y);
  check(cudaGetLastError(), "finish_kernel");
}

}  // namespace vedette::models::backend::cuda
