#include "models/tensor/convert.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace vedette::models::tensor {

namespace {

// Without branches, so that a loop over it is vectorised: the exponent is put right by a multiplication,
// which is exact and makes subnormals normal; infinities and NaNs then get theirs back.
float widen(std::uint16_t bits) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7fffU) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112F;
  const std::uint32_t special = (bits & 0x7c00U) == 0x7c00U ? 0x7f800000U : 0U;
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
}

}  // namespace

float half_to_float(std::uint16_t bits) {
  return widen(bits);
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);   // NaN
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // rounds past 65504
  if (magnitude <
      0x38800000U) {  // below 2^-14: adding 0.5 leaves the subnormal's bits, rounded, at the low end
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1U;
  return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000U + 0xfffU + odd) >> 13));
}

void to_f32(const TensorView& view, std::span<float> dst) {
  const auto count = static_cast<std::size_t>(view.count());
  if (dst.size() != count) {
    throw std::invalid_argument("to_f32: expected room for " + std::to_string(count) +
                                " elements, received " + std::to_string(dst.size()));
  }
  switch (view.dtype()) {
    case DType::kF32:
      if (count != 0) std::memcpy(dst.data(), view.data(), view.bytes());
      return;
    case DType::kBF16: {
      const auto* src = static_cast<const BFloat16*>(view.data());
      for (std::size_t i = 0; i < count; ++i)
        dst[i] = std::bit_cast<float>(static_cast<std::uint32_t>(src[i].bits) << 16);
      return;
    }
    case DType::kF16: {
      const auto* src = static_cast<const std::uint16_t*>(view.data());
      for (std::size_t i = 0; i < count; ++i) dst[i] = widen(src[i]);
      return;
    }
    default:
      throw std::invalid_argument(std::string("to_f32: expected f32, f16 or bf16, received ") +
                                  to_string(view.dtype()));
  }
}

}  // namespace vedette::models::tensor
