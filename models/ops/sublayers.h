#pragma once

#include <span>

#include "models/backend/context.h"

// The two halves of a pre-norm transformer block (Vaswani et al. 2017; norms first), each in place on rows x
// of [hidden], so that a backend need not keep what stands between their products. Both throw
// std::invalid_argument when shapes do not fit.
namespace vedette::models::ops {

using backend::Activation;
using backend::AttentionSegment;
using backend::ComputeContext;
using backend::Matrix;
using backend::PackedLinear;

struct Norm {
  tensor::TensorView weight, bias;  // [hidden] f32
  float epsilon = 1e-5F;
};

struct SelfAttention {
  const PackedLinear& qkv;  // [3 hidden, hidden]: queries, keys and values, each of all heads
  const PackedLinear& out;  // [hidden, hidden]
  int heads = 1;
  float scale = 1.0F;  // of the scores
};

// x += out(attention(qkv(norm(x)))). Segments: their queries follow one another and are all rows of x; the
// keys of each are among its queries' rows (the others are padding).
void self_attention(ComputeContext& context, const Norm& norm, const SelfAttention& weights,
                    std::span<const AttentionSegment> segments, Matrix x);

// x += w2(activation(w1(norm(x)))). w1: [ffn, hidden], w2: [hidden, ffn].
void mlp(ComputeContext& context, const Norm& norm, const PackedLinear& w1, Activation activation,
         const PackedLinear& w2, Matrix x);

}  // namespace vedette::models::ops
