#pragma once

#include <span>

#include "models/backend/context.h"

// softmax(scale q k^T) v. Rows of q and y are [heads * head_dim]; all functions throw std::invalid_argument
// when shapes do not fit.
namespace vedette::models::ops {

using backend::AttentionSegment;
using backend::ComputeContext;
using backend::KvLayout;
using backend::KvSlice;
using backend::Matrix;
using backend::PagedKv;

// Every query of a segment sees all of its keys: encoders over windows or pictures of differing sizes.
void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
               std::span<const AttentionSegment> segments, int heads, float scale, Matrix y);

// Stores rows of keys and values [rows, kv_heads * head_dim] as the slices' tokens [past, past + count).
void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv);

// Causal: token past + i of a slice sees the sequence's tokens [0, past + i], itself included; append_kv went
// before. Query heads share KV heads in equal groups.
void causal_attention(ComputeContext& context, Matrix q, const PagedKv& kv, float scale, Matrix y);
// Cross-attention: each of a slice's rows sees all of the `past` tokens that its pages hold.
void cross_attention(ComputeContext& context, Matrix q, const PagedKv& kv, float scale, Matrix y);
// The weights that cross_attention gives one query head's rows. weights: [rows, at least the longest past];
// columns from a slice's past on stay as they are.
void cross_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                             Matrix weights);

}  // namespace vedette::models::ops
