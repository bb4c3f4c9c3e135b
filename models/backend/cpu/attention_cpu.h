#pragma once

#include "models/backend/context.h"

namespace vedette::models::backend::cpu {

// Rows of f32, or the rows of the next product's left side in the format kTiles, k_padded values each.
struct AttentionOutput {
  Matrix rows;
  tensor::BFloat16* tiles = nullptr;
  std::int64_t k_padded = 0;
};

// Backend::attention into either.
void attend(ComputeContext& context, Matrix q, Matrix k, Matrix v, std::span<const AttentionSegment> segments,
            int heads, float scale, const AttentionOutput& y);

}  // namespace vedette::models::backend::cpu
