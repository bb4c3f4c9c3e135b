#include "models/backend/cpu/cpu_backend.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "models/backend/cpu/kernels/isa.h"
#include "models/backend/cpu/ops_cpu.h"

namespace vedette::models::backend::cpu {

namespace {

// Anonymous pages of the kernel: zero, and not resident before they are touched.
tensor::Tensor map_zeroed(tensor::DType dtype, tensor::Shape shape, std::size_t bytes) {
  const std::size_t length = std::max<std::size_t>(bytes, 1);
  void* memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {tensor::TensorView(memory, dtype, shape), [length](void* mapped) { munmap(mapped, length); }};
}

// Products write a few values of each of many rows: in small pages most of these would miss the TLB.
tensor::Tensor map_huge(tensor::DType dtype, tensor::Shape shape, std::size_t bytes) {
  tensor::Tensor tensor = map_zeroed(dtype, shape, bytes);
#ifdef MADV_HUGEPAGE
  madvise(tensor.view().data(), bytes, MADV_HUGEPAGE);
#endif
  return tensor;
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(WorkerPool* pool) : pool_(pool) {}

  const char* name() const override { return "cpu"; }
  tensor::Device device() const override { return tensor::Device::kCpu; }
  tensor::DType preferred_dtype() const override {
    return kernels::current_isa() >= kernels::Isa::kAvx512Bf16 ? tensor::DType::kBF16 : tensor::DType::kF32;
  }
  // AMX tiles multiply bf16 faster than vectors multiply bytes.
  bool bytes_are_faster() const override { return kernels::current_isa() == kernels::Isa::kAvx512Bf16; }

  tensor::Tensor allocate(tensor::DType dtype, tensor::Shape shape) override {
    constexpr std::size_t kLarge = std::size_t{4} << 20;
    const std::size_t bytes = static_cast<std::size_t>(shape.count()) * tensor::size_of(dtype);
    return bytes < kLarge ? tensor::Tensor(dtype, shape) : map_huge(dtype, shape, bytes);
  }
  tensor::Tensor allocate_zeroed(std::size_t bytes) override {
    return map_zeroed(tensor::DType::kU8, {static_cast<std::int64_t>(bytes)}, bytes);
  }
  void copy(const tensor::TensorView& src, const tensor::TensorView& dst) override {
    if (src.bytes() != 0) std::memcpy(dst.data(), src.data(), src.bytes());
  }
  void synchronize() override {}
  PackedLinear pack(std::span<const LinearPart> parts, WeightFormat format) override {
    return pack_linear(pool_, parts, format);
  }

  KvLayout kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype) const override {
    return cpu::kv_layout(layers, kv_heads, head_dim, dtype);
  }

  void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation,
              Matrix residual, Matrix y) override {
    cpu::linear(context, x, w, activation, residual, y);
  }
  void mlp(ComputeContext& context, const LayerNorm& norm, const PackedLinear& w1, Activation activation,
           const PackedLinear& w2, Matrix x) override {
    if (!cpu::mlp(context, norm, w1, activation, w2, x)) Backend::mlp(context, norm, w1, activation, w2, x);
  }
  void self_attention(ComputeContext& context, const LayerNorm& norm, const PackedLinear& qkv,
                      std::span<const AttentionSegment> segments, int heads, float scale,
                      const PackedLinear& out, Matrix x) override {
    if (!cpu::self_attention(context, norm, qkv, segments, heads, scale, out, x))
      Backend::self_attention(context, norm, qkv, segments, heads, scale, out, x);
  }
  void layer_norm(ComputeContext& context, Matrix x, const float* weight, const float* bias, float epsilon,
                  Matrix y) override {
    cpu::layer_norm(context, x, weight, bias, epsilon, y);
  }
  void rms_norm(ComputeContext& context, Matrix x, const float* weight, float epsilon, Matrix y) override {
    cpu::rms_norm(context, x, weight, epsilon, y);
  }
  void rope(ComputeContext& context, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) override {
    cpu::rope(context, cos, sin, head_dim, x);
  }
  void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
                 Matrix y) override {
    cpu::embedding(context, table, ids, y);
  }
  void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y) override {
    cpu::silu_mul(context, gate, up, y);
  }
  void copy_padded(ComputeContext& context, Matrix x, std::int64_t before, Matrix y) override {
    cpu::copy_padded(context, x, before, y);
  }
  void rope_table(ComputeContext& context, std::span<const std::int32_t> coordinates,
                  std::span<const float> rate, std::span<const std::uint8_t> axis, float factor, Matrix cos,
                  Matrix sin) override {
    cpu::rope_table(context, coordinates, rate, axis, factor, cos, sin);
  }
  void add(ComputeContext& context, Matrix a, Matrix b, Matrix y) override { cpu::add(context, a, b, y); }
  void softmax(ComputeContext& context, Matrix x, bool log, Matrix y) override {
    cpu::softmax(context, x, log, y);
  }
  void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) override {
    cpu::argmax(context, x, indices);
  }
  void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
                 std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) override {
    cpu::attention(context, q, k, v, segments, heads, scale, y);
  }
  void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) override {
    cpu::append_kv(context, k, v, kv);
  }
  void rotate_keys(ComputeContext& context, const KvLayout& layout, std::span<std::byte* const> pages,
                   Matrix cos, Matrix sin) override {
    cpu::rotate_keys(context, layout, pages, cos, sin);
  }
  void paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal, float scale,
                       Matrix y) override {
    cpu::paged_attention(context, q, kv, causal, scale, y);
  }
  void paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                               Matrix weights) override {
    cpu::paged_attention_weights(context, q, kv, head, scale, weights);
  }

 private:
  WorkerPool* const pool_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(WorkerPool* pool) {
  return std::make_unique<CpuBackend>(pool);
}

}  // namespace vedette::models::backend::cpu
