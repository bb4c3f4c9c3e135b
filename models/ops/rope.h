#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/backend/context.h"

namespace vedette::models::ops {

using backend::ComputeContext;
using backend::Matrix;

// Where a row stands: time, height, width (M-RoPE). For plain text all three are the token's index.
struct Position {
  std::int32_t t = 0, h = 0, w = 0;
};

// The angles' rates of one model, made at load.
struct RopeFrequencies {
  std::vector<float> rate;         // [head_dim / 2] radians per position
  std::vector<std::uint8_t> axis;  // [head_dim / 2] which of t, h, w turns it: 0, 1, 2
  float attention_factor = 1.0F;   // multiplies cos and sin (yarn, longrope)
};

// The cosines and sines of a batch's rows, made once and used by all layers.
struct RopeTable {
  Matrix cos, sin;  // [rows, head_dim / 2]
};

// The table lives in the context's current scratch scope.
RopeTable rope_table(ComputeContext& context, const RopeFrequencies& frequencies,
                     std::span<const Position> positions);

// Rotates each head of x [rows, heads * head_dim] in place, pairing element i with i + head_dim / 2 ("rotate
// half"). Throws: std::invalid_argument when shapes do not fit.
void rope(ComputeContext& context, const RopeTable& table, std::int64_t head_dim, Matrix x);

// Moves keys that were cached after RoPE by `shift` positions: those of all layers and heads in these whole
// pages, in f32. Throws: std::invalid_argument when the frequencies are of another head size.
void shift_keys(ComputeContext& context, const RopeFrequencies& frequencies, const backend::KvLayout& layout,
                std::span<std::byte* const> pages, std::int64_t shift);

}  // namespace vedette::models::ops
