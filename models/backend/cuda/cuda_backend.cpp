#include "models/backend/cuda/cuda_backend.h"

#include <span>
#include <vector>

#include "models/backend/cuda/cuda_error.h"
#include "models/backend/cuda/device_kernels.h"
#include "models/tensor/convert.h"

namespace vedette::models::backend::cuda {

namespace {

struct DeviceWeights final : PackedLinear::Storage {
  explicit DeviceWeights(tensor::Tensor packed) : values(std::move(packed)) {}
  std::size_t bytes() const override { return values.view().bytes(); }

  tensor::Tensor values;  // [out, in] f32 or bf16
};

// The parts' weights and biases, stacked, as f32 on the host.
struct Stacked {
  std::int64_t out = 0, in = 0;
  std::vector<float> weights, bias;  // bias: empty when no part has one
};

Stacked stack(std::span<const LinearPart> parts) {
  Stacked all;
  bool biased = false;
  for (const auto& part : parts) {
    all.out += part.weight.shape()[0];
    all.in = part.weight.shape()[1];
    biased = biased || !part.bias.empty();
  }
  all.weights.resize(static_cast<std::size_t>(all.out * all.in));
  if (biased) all.bias.resize(static_cast<std::size_t>(all.out));
  std::int64_t row = 0;
  for (const auto& part : parts) {
    const std::int64_t rows = part.weight.shape()[0];
    tensor::to_f32(part.weight, std::span(all.weights)
                                    .subspan(static_cast<std::size_t>(row * all.in),
                                             static_cast<std::size_t>(rows * all.in)));
    if (!part.bias.empty()) {
      tensor::to_f32(part.bias, std::span(all.bias).subspan(static_cast<std::size_t>(row),
                                                            static_cast<std::size_t>(rows)));
    }
    row += rows;
  }
  return all;
}

}  // namespace

CudaBackend::CudaBackend() {
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "cudaGetDeviceCount");
  if (devices == 0) throw std::runtime_error("there is no CUDA device");
  check(cudaSetDevice(0), "cudaSetDevice");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  name_ = properties.name;
  if (properties.major < 8) {
    throw std::runtime_error(name_ + " has compute capability " + std::to_string(properties.major) + "." +
                             std::to_string(properties.minor) + "; 8.0 or later is needed");
  }
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  matmul_ = std::make_unique<Matmul>();
  dnn_ = std::make_unique<Dnn>(stream_);
}

CudaBackend::~CudaBackend() {
  cudaStreamSynchronize(stream_);
  dnn_.reset();
  matmul_.reset();
  cudaStreamDestroy(stream_);
}

tensor::Tensor CudaBackend::allocate(tensor::DType dtype, tensor::Shape shape) {
  const std::size_t bytes = static_cast<std::size_t>(shape.count()) * tensor::size_of(dtype);
  void* memory = nullptr;
  check(cudaMalloc(&memory, std::max<std::size_t>(bytes, 64)), "cudaMalloc");
  return {tensor::TensorView(memory, dtype, shape, tensor::Device::kCuda), [](void* p) { cudaFree(p); }};
}

tensor::Tensor CudaBackend::allocate_zeroed(std::size_t bytes) {
  tensor::Tensor memory = allocate(tensor::DType::kU8, {static_cast<std::int64_t>(bytes)});
  check(cudaMemsetAsync(memory.view().data(), 0, bytes, stream_), "cudaMemsetAsync");
  return memory;
}

void CudaBackend::copy(const tensor::TensorView& src, const tensor::TensorView& dst) {
  check(cudaMemcpyAsync(dst.data(), src.data(), src.bytes(), cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
  synchronize();
}

void CudaBackend::synchronize() {
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

PackedLinear CudaBackend::pack(std::span<const LinearPart> parts, WeightFormat format) {
  const Stacked all = stack(parts);
  PackedLinear packed;
  packed.out = all.out;
  packed.in = all.in;
  packed.format = format == WeightFormat::kF32 ? WeightFormat::kF32 : WeightFormat::kBF16;
  const tensor::Shape shape{all.out, all.in};
  const bool bf16 = packed.format == WeightFormat::kBF16;
  tensor::Tensor weights = allocate(bf16 ? tensor::DType::kBF16 : tensor::DType::kF32, shape);
  if (bf16) {
    std::vector<tensor::BFloat16> values;
    values.reserve(all.weights.size());
    for (const float value : all.weights) values.push_back(tensor::to_bfloat16(value));
    copy({values.data(), tensor::DType::kBF16, shape}, weights);
  } else {
    copy({const_cast<float*>(all.weights.data()), tensor::DType::kF32, shape}, weights);
  }
  packed.weight = std::make_unique<DeviceWeights>(std::move(weights));
  if (!all.bias.empty()) {
    packed.bias = allocate(tensor::DType::kF32, {all.out});
    copy({const_cast<float*>(all.bias.data()), tensor::DType::kF32, {all.out}}, packed.bias);
  }
  return packed;
}

void CudaBackend::linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation,
                         Matrix residual, Matrix y) {
  if (x.rows == 0) return;
  const ScratchScope scope(context.scratch());
  const bool bf16 = w.format == WeightFormat::kBF16;
  const void* left = x.data;
  std::int64_t stride = x.stride;
  if (bf16) {
    auto* rows =
        context.scratch().take(static_cast<std::size_t>(x.rows * x.columns) * sizeof(tensor::BFloat16));
    narrow(stream_, x, rows);
    left = rows;
    stride = x.columns;
  }
  const bool onto_residual = residual.data == y.data && residual.data != nullptr;
  // The product overwrites its target: a residual that is y itself needs the product elsewhere first.
  const Matrix product = onto_residual ? context.matrix(y.rows, y.columns) : y;
  matmul_->multiply(context, stream_, static_cast<const DeviceWeights&>(*w.weight).values.view().data(), left,
                    stride, w.in, bf16, product);
  const float* bias = w.bias.empty() ? nullptr : w.bias.as<float>().data();
  if (bias != nullptr || activation != Activation::kNone || (!residual.empty() && !onto_residual)) {
    finish_product(stream_, bias, activation, onto_residual ? Matrix() : residual, product);
  }
  if (onto_residual) cuda::add(stream_, product, residual, y);
}

void CudaBackend::layer_norm(ComputeContext&, Matrix x, const float* weight, const float* bias, float epsilon,
                             Matrix y) {
  if (x.rows > 0) cuda::layer_norm(stream_, x, weight, bias, epsilon, y);
}

void CudaBackend::rms_norm(ComputeContext&, Matrix x, const float* weight, float epsilon, Matrix y) {
  if (x.rows > 0) cuda::rms_norm(stream_, x, weight, epsilon, y);
}

void CudaBackend::rope_table(ComputeContext&, std::span<const std::int32_t> coordinates,
                             std::span<const float> rate, std::span<const std::uint8_t> axis, float factor,
                             Matrix cos, Matrix sin) {
  std::vector<float> cosines, sines;
  for (std::size_t row = 0; row < coordinates.size() / 3; ++row) {
    for (std::size_t i = 0; i < rate.size(); ++i) {
      const float angle = static_cast<float>(coordinates[3 * row + axis[i]]) * rate[i];
      cosines.push_back(std::cos(angle) * factor);
      sines.push_back(std::sin(angle) * factor);
    }
  }
  const std::size_t width = rate.size() * sizeof(float);
  const auto store = [&](const std::vector<float>& values, const Matrix& target) {
    check(cudaMemcpy2DAsync(target.data, static_cast<std::size_t>(target.stride) * sizeof(float),
                            values.data(), width, width, static_cast<std::size_t>(target.rows),
                            cudaMemcpyHostToDevice, stream_),
          "cudaMemcpy2DAsync");
  };
  store(cosines, cos);
  store(sines, sin);
}

void CudaBackend::rope(ComputeContext&, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) {
  if (x.rows > 0) cuda::rope(stream_, cos, sin, head_dim, x);
}

void CudaBackend::embedding(ComputeContext& context, const tensor::TensorView& table,
                            std::span<const std::int32_t> ids, Matrix y) {
  if (ids.empty()) return;
  const ScratchScope scope(context.scratch());
  cuda::embedding(stream_, table, upload(context, ids), y);
}

void CudaBackend::silu_mul(ComputeContext&, Matrix gate, Matrix up, Matrix y) {
  if (y.rows > 0) cuda::silu_mul(stream_, gate, up, y);
}

void CudaBackend::add(ComputeContext&, Matrix a, Matrix b, Matrix y) {
  if (y.rows > 0) cuda::add(stream_, a, b, y);
}

void CudaBackend::copy_padded(ComputeContext&, Matrix x, std::int64_t before, Matrix y) {
  if (y.rows > 0) cuda::copy_padded(stream_, x, before, y);
}

void CudaBackend::softmax(ComputeContext&, Matrix x, bool log, Matrix y) {
  if (x.rows > 0) dnn_->softmax(x, log, y);
}

void CudaBackend::argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) {
  if (indices.empty()) return;
  const ScratchScope scope(context.scratch());
  auto* found = context.array<std::int32_t>(x.rows).data();
  cuda::argmax(stream_, x, found);
  check(cudaMemcpyAsync(indices.data(), found, indices.size_bytes(), cudaMemcpyDeviceToHost, stream_),
        "cudaMemcpyAsync");
  synchronize();
}

}  // namespace vedette::models::backend::cuda
