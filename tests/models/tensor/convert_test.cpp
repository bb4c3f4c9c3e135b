#include "models/tensor/convert.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace vedette::models::tensor {
namespace {

TEST(Convert, HalfValuesOfTheStandard) {
  EXPECT_EQ(half_to_float(0x3c00), 1.0F);
  EXPECT_EQ(half_to_float(0xc000), -2.0F);
  EXPECT_EQ(half_to_float(0x7bff), 65504.0F);
  EXPECT_EQ(half_to_float(0x0400), 0x1p-14F);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24F);
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));
  EXPECT_EQ(half_to_float(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7e01)));
}

TEST(Convert, EveryHalfSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7c00U) == 0x7c00U && (half & 0x3ffU) != 0) continue;  // NaN payloads are not kept
    ASSERT_EQ(float_to_half(half_to_float(half)), half) << std::hex << bits;
  }
}

TEST(Convert, HalfRoundsTiesToEven) {
  EXPECT_EQ(float_to_half(1.0F + 0x1p-11F), 0x3c00);
  EXPECT_EQ(float_to_half(1.0F + 0x3p-11F), 0x3c02);
  EXPECT_EQ(float_to_half(0x1p-25F), 0x0000);
  EXPECT_EQ(float_to_half(0x3p-25F), 0x0002);
  EXPECT_EQ(float_to_half(65519.9F), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0F), 0x7c00);
}

TEST(Convert, RefusesAnotherTypeOrSize) {
  std::array<std::int32_t, 2> integers{1, 2};
  std::array<float, 2> out{};
  EXPECT_THROW(to_f32({integers.data(), DType::kI32, {2}}, out), std::invalid_argument);
  EXPECT_THROW(to_f32({out.data(), DType::kF32, {2}}, std::span(out).first(1)), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::tensor
