#pragma once

#include <cuda_runtime_api.h>

#include "models/backend/context.h"
#include "models/backend/cuda/dnn.h"
#include "models/backend/cuda/matmul.h"

namespace vedette::models::backend::cuda {

// The first CUDA device. All work is enqueued on one stream of its own, so that contexts used by several
// threads see each other's results in the order of their calls; synchronize() waits for it. Products are
// cuBLASLt's, softmax is cuDNN's, the rest are own kernels. 8-bit weights are kept as bf16.
class CudaBackend final : public Backend {
 public:
  // Throws: std::runtime_error when there is no usable device, with CUDA's reason.
  CudaBackend();
  ~CudaBackend() override;

  const char* name() const override { return name_.c_str(); }
  tensor::Device device() const override { return tensor::Device::kCuda; }
  tensor::DType preferred_dtype() const override { return tensor::DType::kBF16; }

  tensor::Tensor allocate(tensor::DType dtype, tensor::Shape shape) override;
  tensor::Tensor allocate_zeroed(std::size_t bytes) override;
  void copy(const tensor::TensorView& src, const tensor::TensorView& dst) override;
  void synchronize() override;
  KvLayout kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype) const override;
  PackedLinear pack(std::span<const LinearPart> parts, WeightFormat format) override;

  void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation,
              Matrix residual, Matrix y) override;
  void layer_norm(ComputeContext& context, Matrix x, const float* weight, const float* bias, float epsilon,
                  Matrix y) override;
  void rms_norm(ComputeContext& context, Matrix x, const float* weight, float epsilon, Matrix y) override;
  void rope_table(ComputeContext& context, std::span<const std::int32_t> coordinates,
                  std::span<const float> rate, std::span<const std::uint8_t> axis, float factor, Matrix cos,
                  Matrix sin) override;
  void rope(ComputeContext& context, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) override;
  void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
                 Matrix y) override;
  void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y) override;
  void add(ComputeContext& context, Matrix a, Matrix b, Matrix y) override;
  void copy_padded(ComputeContext& context, Matrix x, std::int64_t before, Matrix y) override;
  void softmax(ComputeContext& context, Matrix x, bool log, Matrix y) override;
  void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) override;
  void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
                 std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) override;
  void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) override;
  void rotate_keys(ComputeContext& context, const KvLayout& layout, std::span<std::byte* const> pages,
                   Matrix cos, Matrix sin) override;
  void paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal, float scale,
                       Matrix y) override;
  void paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                               Matrix weights) override;

 private:
  // Values of the host in scratch memory of the device, there when what is enqueued next runs.
  template <class T>
  T* upload(ComputeContext& context, std::span<const T> values);

  std::string name_;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Matmul> matmul_;
  std::unique_ptr<Dnn> dnn_;
};

template <class T>
T* CudaBackend::upload(ComputeContext& context, std::span<const T> values) {
  T* memory = context.array<T>(static_cast<std::int64_t>(values.size())).data();
  // From pageable memory this returns when the values have been read, so the caller's may go.
  const cudaError_t code =
      cudaMemcpyAsync(memory, values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream_);
  if (code != cudaSuccess)
    throw std::runtime_error(std::string("cudaMemcpyAsync: ") + cudaGetErrorString(code));
  return memory;
}

}  // namespace vedette::models::backend::cuda
