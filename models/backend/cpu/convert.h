#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "models/tensor/tensor.h"

namespace vedette::models::backend::cpu {

// IEEE binary16 as f32.
inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU, fraction = bits & 0x3ffU;
  if (exponent == 0x1fU) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (fraction << 13));
  const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
  return sign != 0 ? -magnitude : magnitude;
}

// Elements [first, first + count) of a weight as f32.
// Throws: std::invalid_argument when the weight is none of f32, bf16, f16.
inline void read_floats(const tensor::TensorView& view, std::int64_t first, std::int64_t count, float* out) {
  switch (view.dtype()) {
    case tensor::DType::kF32: {
      const float* src = static_cast<const float*>(view.data()) + first;
      for (std::int64_t i = 0; i < count; ++i) out[i] = src[i];
      return;
    }
    case tensor::DType::kBF16: {
      const auto* src = static_cast<const tensor::BFloat16*>(view.data()) + first;
      for (std::int64_t i = 0; i < count; ++i) out[i] = tensor::to_float(src[i]);
      return;
    }
    case tensor::DType::kF16: {
      const auto* src = static_cast<const std::uint16_t*>(view.data()) + first;
      for (std::int64_t i = 0; i < count; ++i) out[i] = half_to_float(src[i]);
      return;
    }
    default:
      throw std::invalid_argument(std::string("weights of ") + tensor::to_string(view.dtype()) +
                                  "; expected f32, bf16 or f16");
  }
}

}  // namespace vedette::models::backend::cpu
