#pragma once

#include "models/backend/context.h"

// The ops of the CPU backend: each splits its work over the context's pool and runs a kernel on every piece.
namespace vedette::models::backend::cpu {

// `pool` may be null.
PackedLinear pack_linear(WorkerPool* pool, std::span<const LinearPart> parts, WeightFormat format);
void linear(ComputeContext& context, Matrix x, const PackedLinear& w, Activation activation, Matrix residual,
            Matrix y);
// These keep rows as AMX loads them from one product to the next, for as many rows at a time as caches hold.
// False: the processor has nothing better than one op after the other, and nothing was done.
bool mlp(ComputeContext& context, const LayerNorm& norm, const PackedLinear& w1, Activation activation,
         const PackedLinear& w2, Matrix x);
bool self_attention(ComputeContext& context, const LayerNorm& norm, const PackedLinear& qkv,
                    std::span<const AttentionSegment> segments, int heads, float scale,
                    const PackedLinear& out, Matrix x);

void layer_norm(ComputeContext& context, Matrix x, const float* weight, const float* bias, float epsilon,
                Matrix y);
void rms_norm(ComputeContext& context, Matrix x, const float* weight, float epsilon, Matrix y);
void rope_table(ComputeContext& context, std::span<const std::int32_t> coordinates,
                std::span<const float> rate, std::span<const std::uint8_t> axis, float factor, Matrix cos,
                Matrix sin);
void rope(ComputeContext& context, Matrix cos, Matrix sin, std::int64_t head_dim, Matrix x);
void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
               Matrix y);
void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y);
void copy_padded(ComputeContext& context, Matrix x, std::int64_t before, Matrix y);
void add(ComputeContext& context, Matrix a, Matrix b, Matrix y);
void softmax(ComputeContext& context, Matrix x, bool log, Matrix y);
void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices);

KvLayout kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype);
void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
               std::span<const AttentionSegment> segments, int heads, float scale, Matrix y);
void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv);
void rotate_keys(ComputeContext& context, const KvLayout& layout, std::span<std::byte* const> pages,
                 Matrix cos, Matrix sin);
void paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal, float scale,
                     Matrix y);
void paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                             Matrix weights);

}  // namespace vedette::models::backend::cpu
