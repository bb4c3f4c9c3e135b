#include "models/backend/arena.h"

#include <gtest/gtest.h>

#include <cstring>

#include "models/backend/context.h"
#include "models/backend/cpu/cpu_backend.h"

namespace vedette::models::backend {
namespace {

TEST(Arena, ScopesGiveBackAndTheSecondRoundGrowsNothing) {
  const auto backend = cpu::make_cpu_backend();
  Arena arena(*backend);
  const auto round = [&] {
    const ScratchScope outer(arena);
    std::byte* a = arena.take(600'000);
    std::memset(a, 1, 600'000);
    std::byte* inner_memory = nullptr;
    {
      const ScratchScope inner(arena);
      inner_memory = arena.take(3'000'000);  // does not fit beside the first
      std::memset(inner_memory, 2, 3'000'000);
    }
    std::byte* b = arena.take(100);
    std::memset(b, 3, 100);
    EXPECT_EQ(a[0], std::byte{1});
    EXPECT_EQ(a[599'999], std::byte{1});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b) % 64, 0U);
    EXPECT_TRUE(b >= a + 600'000 || b + 100 <= a);
  };
  round();
  const auto growths = arena.growths();
  const auto capacity = arena.capacity_bytes();
  EXPECT_GE(capacity, 3'600'000U);
  for (int i = 0; i < 3; ++i) round();
  EXPECT_EQ(arena.growths(), growths);
  EXPECT_EQ(arena.capacity_bytes(), capacity);
}

TEST(Matrix, RangesShareMemoryAndAreChecked) {
  std::vector<float> values(6 * 10);
  const Matrix all(values.data(), 6, 10, 10);
  const Matrix block = all.row_range(2, 3).column_range(4, 5);
  EXPECT_EQ(block.row(1), values.data() + 34);
  EXPECT_EQ(block.rows, 3);
  EXPECT_EQ(block.columns, 5);
  EXPECT_THROW(all.row_range(4, 3), std::invalid_argument);
  EXPECT_THROW(all.column_range(-1, 3), std::invalid_argument);
  EXPECT_THROW(all.column_range(0, 11), std::invalid_argument);
  const tensor::Tensor cube(tensor::DType::kF32, {2, 3, 4});
  EXPECT_EQ(Matrix(cube.view()).rows, 6);
  EXPECT_EQ(Matrix(cube.view()).columns, 4);
  EXPECT_THROW(Matrix(tensor::Tensor(tensor::DType::kI32, {2}).view()), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::backend
