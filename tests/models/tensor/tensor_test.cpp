#include "models/tensor/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace vedette::models::tensor {
namespace {

TEST(Shape, CountsAndChecksItsExtents) {
  EXPECT_EQ(Shape().count(), 1);
  EXPECT_EQ((Shape{2, 3, 4}.count()), 24);
  EXPECT_EQ((Shape{2, 0, 4}.count()), 0);
  EXPECT_EQ((Shape{2, 3}.to_string()), "[2, 3]");
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1}), std::invalid_argument);
  EXPECT_THROW((Shape{2, -1}), std::invalid_argument);
  EXPECT_THROW((Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), std::invalid_argument);
}

TEST(TensorView, GivesElementsRowsAndOtherShapes) {
  Tensor tensor = Tensor::zeros(DType::kI32, {4, 3});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.view().data()) % 64, 0U);
  EXPECT_EQ(tensor.view().bytes(), 48U);
  for (int i = 0; i < 12; ++i) tensor.as<std::int32_t>()[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(tensor.view().rows(1, 2).as<std::int32_t>()[0], 3);
  EXPECT_EQ(tensor.view().rows(1, 2).shape(), (Shape{2, 3}));
  EXPECT_EQ(tensor.view().rows(4, 0).count(), 0);
  EXPECT_EQ(tensor.view().reshaped({2, 6}).rows(1, 1).as<std::int32_t>()[0], 6);
  EXPECT_THROW(tensor.view().rows(3, 2), std::invalid_argument);
  EXPECT_THROW(tensor.view().reshaped({5}), std::invalid_argument);
  EXPECT_THROW(tensor.as<float>(), std::invalid_argument);
}

TEST(Tensor, OwnsItsMemoryWhereverItCameFrom) {
  int freed = 0;
  std::vector<float> memory(6);
  {
    Tensor first({memory.data(), DType::kF32, {6}}, [&freed](void*) { ++freed; });
    const Tensor second = std::move(first);
    EXPECT_EQ(second.as<float>().data(), memory.data());
    EXPECT_EQ(freed, 0);
  }
  EXPECT_EQ(freed, 1);
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(to_bfloat16(1.0F).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(std::bit_cast<float>(0x3f808000U)).bits, 0x3f80) << "a tie goes to the even one";
  EXPECT_EQ(to_bfloat16(std::bit_cast<float>(0x3f818000U)).bits, 0x3f82) << "a tie goes to the even one";
  EXPECT_EQ(to_bfloat16(std::bit_cast<float>(0x3f808001U)).bits, 0x3f81);
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isinf(to_float(to_bfloat16(std::numeric_limits<float>::max())))) << "past the largest";
  EXPECT_EQ(to_float(to_bfloat16(-2.5F)), -2.5F);
}

}  // namespace
}  // namespace vedette::models::tensor
