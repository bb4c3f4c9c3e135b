#pragma once

#include <cstdint>
#include <span>

#include "models/tensor/tensor.h"

namespace vedette::models::tensor {

// IEEE binary16, as its bits, to f32; exact, subnormals, infinities and NaN included.
float half_to_float(std::uint16_t bits);
// To the nearest binary16, ties to even; what is too large becomes infinity.
std::uint16_t float_to_half(float value);

// The elements of an f32, f16 or bf16 tensor as f32, exactly.
// Requires: dst has view.count() elements. Throws: std::invalid_argument for another type or size.
void to_f32(const TensorView& view, std::span<float> dst);

}  // namespace vedette::models::tensor
