// The ops as models call them, on every backend of this machine with all its threads: products of the
// encoder, of a prompt and of one decoded token. `work` is multiply-adds times two.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "models/backend/context.h"
#include "models/backend/cpu/cpu_backend.h"
#include "models/backend/cuda_library.h"

namespace vedette::models::backend {
namespace {

using tensor::DType;

struct Device {
  explicit Device(bool cuda) {
    std::string reason;
    backend = cuda ? open_cuda_backend(reason) : cpu::make_cpu_backend();
    if (backend != nullptr) context = std::make_unique<ComputeContext>(*backend, pool, DType::kBF16);
  }

  WorkerPool pool;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<ComputeContext> context;
};

tensor::Tensor make_rows(Backend& backend, std::int64_t rows, std::int64_t columns) {
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) * 0.02F - 1.0F;
  tensor::Tensor tensor = backend.allocate(DType::kF32, {rows, columns});
  backend.copy({values.data(), DType::kF32, {rows, columns}}, tensor);
  return tensor;
}

// Arguments: CUDA?, m, n, k.
void linear_bf16(benchmark::State& state) {
  Device device(state.range(0) != 0);
  if (device.backend == nullptr) return state.SkipWithError("no such device");
  const std::int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const std::vector<float> weight(static_cast<std::size_t>(n * k), 0.01F);
  LinearPart part;
  part.weight = {const_cast<float*>(weight.data()), DType::kF32, {n, k}};
  const PackedLinear packed = device.backend->pack({&part, 1}, WeightFormat::kBF16);
  const tensor::Tensor x = make_rows(*device.backend, m, k), y = make_rows(*device.backend, m, n);
  for (auto _ : state) {
    device.backend->linear(*device.context, x.view(), packed, Activation::kGeluErf, {}, y.view());
    device.context->synchronize();
  }
  state.SetLabel(device.backend->name());
  state.counters["work"] =
      benchmark::Counter(2.0 * static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(linear_bf16)
    ->ArgNames({"cuda", "m", "n", "k"})
    ->ArgsProduct({{0, 1}, {1, 1500}, {1536}, {384}})
    ->ArgsProduct({{0, 1}, {1, 512}, {1536}, {576}})
    ->ArgsProduct({{1}, {4096}, {4096}, {4096}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// Arguments: CUDA?, tokens; the encoder's self-attention, six heads of 64.
void encoder_attention(benchmark::State& state) {
  Device device(state.range(0) != 0);
  if (device.backend == nullptr) return state.SkipWithError("no such device");
  const std::int64_t tokens = state.range(1), width = 384;
  const tensor::Tensor q = make_rows(*device.backend, tokens, width),
                       y = make_rows(*device.backend, tokens, width);
  const AttentionSegment segment{0, tokens, 0, tokens};
  for (auto _ : state) {
    device.backend->attention(*device.context, q.view(), q.view(), q.view(), {&segment, 1}, 6, 0.125F,
                              y.view());
    device.context->synchronize();
  }
  state.SetLabel(device.backend->name());
  state.counters["work"] = benchmark::Counter(4.0 * static_cast<double>(tokens * tokens * width),
                                              benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(encoder_attention)
    ->ArgNames({"cuda", "tokens"})
    ->ArgsProduct({{0, 1}, {1500}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vedette::models::backend
