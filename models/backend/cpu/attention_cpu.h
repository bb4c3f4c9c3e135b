#pragma once

#include "models/backend/context.h"

namespace vedette::models::backend::cpu {

// Rows of queries, keys and values; keys and values may be bf16 already, where the context's dtype is.
struct AttentionInput {
  Matrix q, k, v;
  const tensor::BFloat16 *k_bf16 = nullptr, *v_bf16 = nullptr;  // instead of k and v
  std::int64_t stride_bf16 = 0;
};

// Rows of f32, or the rows of the next product's left side in the format kTiles, k_padded values each.
struct AttentionOutput {
  Matrix rows;
  tensor::BFloat16* tiles = nullptr;
  std::int64_t k_padded = 0;
};

// Backend::attention into either.
void attend(ComputeContext& context, const AttentionInput& x, std::span<const AttentionSegment> segments,
            int heads, float scale, const AttentionOutput& y);

}  // namespace vedette::models::backend::cpu
