#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "models/tensor/tensor.h"

namespace vedette::models::backend {

class ComputeContext;

// Borrowed rows of f32 on a context's device; rows may lie further apart than they are long, so a block of
// columns of a fused projection is one too. The memory's owner must outlive it.
struct Matrix {
  float* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::int64_t stride = 0;  // elements from one row to the next

  Matrix() = default;
  Matrix(float* memory, std::int64_t row_count, std::int64_t column_count, std::int64_t row_stride)
      : data(memory), rows(row_count), columns(column_count), stride(row_stride) {}
  // The outer axes of an f32 tensor as rows. Throws: std::invalid_argument for another type.
  Matrix(const tensor::TensorView& view);

  bool empty() const { return data == nullptr; }
  float* row(std::int64_t index) const { return data + index * stride; }
  // Throws: std::invalid_argument when the range is not inside, as the next one does.
  Matrix column_range(std::int64_t first, std::int64_t count) const;
  Matrix row_range(std::int64_t first, std::int64_t count) const;
};

// kGeluQuick: x * sigmoid(1.702 x), CLIP's.
enum class Activation : std::uint8_t { kNone, kGeluErf, kGeluTanh, kGeluQuick, kSilu };

// How a packed weight is stored. kI8: 8 bits with a scale per output channel, quantised at load.
enum class WeightFormat : std::uint8_t { kF32, kBF16, kI8 };

// Rows of a weight matrix as a file has them: f32, bf16 or f16; the bias may be empty.
struct LinearPart {
  tensor::TensorView weight;  // [out, in]
  tensor::TensorView bias;    // [out]
};

// A weight matrix in its backend's own order, made once at load; immutable and shared from then on.
struct PackedLinear {
  struct Storage {
    virtual ~Storage() = default;
    virtual std::size_t bytes() const = 0;
  };

  std::int64_t out = 0, in = 0;
  WeightFormat format = WeightFormat::kF32;
  std::unique_ptr<const Storage> weight;
  tensor::Tensor bias;  // [out] f32, or empty
};

// The layer norm that half of a transformer block begins with. weight, bias: as long as a row.
struct LayerNorm {
  const float *weight = nullptr, *bias = nullptr;
  float epsilon = 0.0F;
};

// How pages of keys and values are cut: a page has, for every layer and KV head, one block of page_tokens
// tokens, in an order that is the backend's own (Backend::kv_layout makes these).
struct KvLayout {
  int layers = 0, kv_heads = 0, head_dim = 0;
  int page_tokens = 0;
  tensor::DType dtype = tensor::DType::kF32;
  std::size_t block_bytes = 0;

  std::size_t page_bytes() const { return block_offset(layers, 0); }
  std::size_t block_offset(int layer, int head) const {
    return static_cast<std::size_t>(layer * kv_heads + head) * block_bytes;
  }
};

// One sequence's share of a batch over paged KV: rows [first, first + count) of the batch are its tokens
// [past, past + count). Its pages, zeroed once before first use, hold them when append_kv has run.
struct KvSlice {
  std::span<std::byte* const> pages;
  std::int64_t past = 0;
  std::int64_t first = 0, count = 0;
};

// One layer of the slices of a batch.
struct PagedKv {
  const KvLayout* layout = nullptr;
  int layer = 0;
  std::span<const KvSlice> slices;
};

// A run of rows that attend to one another and to nothing else: queries [query_first, +query_count), keys
// likewise.
struct AttentionSegment {
  std::int64_t query_first = 0, query_count = 0;
  std::int64_t key_first = 0, key_count = 0;
};

// What a device must offer: memory, weight packing and the ops. Callers use models/ops, which checks shapes
// first; a backend may take them as right. Stateless but for vendor handles; all methods are thread-safe over
// distinct contexts.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual const char* name() const = 0;
  virtual tensor::Device device() const = 0;
  // bf16 where matrix products in it are done in hardware, else f32.
  virtual tensor::DType preferred_dtype() const = 0;
  // Whether products of many rows are faster with weights in kI8 than in bf16.
  virtual bool bytes_are_faster() const { return false; }

  virtual tensor::Tensor allocate(tensor::DType dtype, tensor::Shape shape) = 0;
  // Zeroed memory that costs nothing until it is written, where the device can do that.
  virtual tensor::Tensor allocate_zeroed(std::size_t bytes) = 0;
  // Copies between devices or within one; types and shapes are equal.
  virtual void copy(const tensor::TensorView& src, const tensor::TensorView& dst) = 0;
  virtual void synchronize() = 0;
  virtual KvLayout kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype) const = 0;
  // The parts stacked by rows into one matrix.
  virtual PackedLinear pack(std::span<const LinearPart> parts, WeightFormat format) = 0;

  // y = activation(x w^T + bias) + residual; residual may be empty, or y itself.
  virtual void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation,
                      Matrix residual, Matrix y) = 0;
  // The halves of a pre-norm transformer block, which a backend may run in formats of its own.
  // x += w2(activation(w1(norm(x)))), with their biases.
  virtual void mlp(ComputeContext& context, const LayerNorm& norm, const PackedLinear& w1,
                   Activation activation, const PackedLinear& w2, Matrix x);
  // x += out(attention(qkv(norm(x)))). The segments' queries follow one another and are all rows of x; the
  // keys of each are among them.
  virtual void self_attention(ComputeContext& context, const LayerNorm& norm, const PackedLinear& qkv,
                              std::span<const AttentionSegment> segments, int heads, float scale,
                              const PackedLinear& out, Matrix x);
  virtual void layer_norm(ComputeContext& context, Matrix x, const float* weight, const float* bias,
                          float epsilon, Matrix y) = 0;
  virtual void rms_norm(ComputeContext& context, Matrix x, const float* weight, float epsilon, Matrix y) = 0;
  // angle = position[axis] * rate for each row and pair. coordinates: [rows][3], on the host like rate and
  // axis.
  virtual void rope_table(ComputeContext& context, std::span<const std::int32_t> coordinates,
                          std::span<const float> rate, std::span<const std::uint8_t> axis, float factor,
                          Matrix cos, Matrix sin) = 0;
  // Rotates every head of x in place; cos, sin: [rows, head_dim / 2].
  virtual void rope(ComputeContext& context, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x) = 0;
  // y[i] = table[ids[i]], converted to f32; ids are on the host.
  virtual void embedding(ComputeContext& context, const tensor::TensorView& table,
                         std::span<const std::int32_t> ids, Matrix y) = 0;
  virtual void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y) = 0;
  virtual void add(ComputeContext& context, Matrix a, Matrix b, Matrix y) = 0;
  // y's rows [before, before + x.rows) = x, its other rows = 0.
  virtual void copy_padded(ComputeContext& context, Matrix x, std::int64_t before, Matrix y) = 0;
  virtual void softmax(ComputeContext& context, Matrix x, bool log, Matrix y) = 0;
  virtual void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) = 0;
  virtual void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
                         std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) = 0;
  virtual void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) = 0;
  // Rotates every key in these whole pages, of all layers and heads, in f32. cos, sin: [1, head_dim / 2].
  virtual void rotate_keys(ComputeContext& context, const KvLayout& layout, std::span<std::byte* const> pages,
                           Matrix cos, Matrix sin) = 0;
  virtual void paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal, float scale,
                               Matrix y) = 0;
  virtual void paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head,
                                       float scale, Matrix weights) = 0;
};

}  // namespace vedette::models::backend
