#pragma once

#include <cstddef>
#include <cstdint>

namespace vedette::models::tensor {

enum class DType : std::uint8_t { kF32, kBF16, kF16, kI64, kI32, kI8, kU8 };
enum class Device : std::uint8_t { kCpu, kCuda };

constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kI64: return 8;
    case DType::kF32:
    case DType::kI32: return 4;
    case DType::kBF16:
    case DType::kF16: return 2;
    case DType::kI8:
    case DType::kU8: return 1;
  }
  return 0;
}

// Name as error messages and `vedette models inspect` show it: "f32", "bf16", ...
constexpr const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "f32";
    case DType::kBF16: return "bf16";
    case DType::kF16: return "f16";
    case DType::kI64: return "i64";
    case DType::kI32: return "i32";
    case DType::kI8: return "i8";
    case DType::kU8: return "u8";
  }
  return "?";
}

// bfloat16: the upper half of an IEEE binary32. Storage only; arithmetic is done in f32.
struct BFloat16 {
  std::uint16_t bits = 0;
};
static_assert(sizeof(BFloat16) == 2);

float to_float(BFloat16 value);
BFloat16 to_bfloat16(float value);  // round to nearest even; NaN stays NaN

template <class T>
inline constexpr DType kDTypeOf = DType::kU8;
template <>
inline constexpr DType kDTypeOf<float> = DType::kF32;
template <>
inline constexpr DType kDTypeOf<BFloat16> = DType::kBF16;
template <>
inline constexpr DType kDTypeOf<std::int64_t> = DType::kI64;
template <>
inline constexpr DType kDTypeOf<std::int32_t> = DType::kI32;
template <>
inline constexpr DType kDTypeOf<std::int8_t> = DType::kI8;

}  // namespace vedette::models::tensor
