#include "signals/change_measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

namespace vedette::signals {
namespace {

constexpr int kWidth = 160, kHeight = 90;  // 20 x 11 blocks, the lowest row of them 10 pixels high

struct ChangeTest : testing::Test {
  LumaFrame frame() const { return {pixels, kWidth, kHeight, kWidth}; }
  void fill(int left, int top, int width, int height, std::uint8_t luma) {
    for (int y = top; y < top + height; ++y) std::fill_n(pixels.begin() + y * kWidth + left, width, luma);
  }
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(kWidth * kHeight, 100);
  ChangeMeasure measure;
};

TEST_F(ChangeTest, AllIsNewAtFirst) {
  EXPECT_EQ(measure.since_kept(frame()), 1.0);
  EXPECT_EQ(measure.since_kept(frame()), 1.0) << "nothing was kept";
  measure.keep();
  EXPECT_EQ(measure.since_kept(frame()), 0.0);
}

TEST_F(ChangeTest, IsTheShareOfChangedBlocks) {
  measure.since_kept(frame());
  measure.keep();
  fill(8, 8, 16, 8, 106);
  EXPECT_DOUBLE_EQ(measure.since_kept(frame()), 2.0 / 220.0);
  fill(0, 88, 8, 2, 200);  // the 2 rows that fill no block of their own
  EXPECT_DOUBLE_EQ(measure.since_kept(frame()), 3.0 / 220.0);
  fill(0, 0, kWidth, kHeight, 50);
  EXPECT_DOUBLE_EQ(measure.since_kept(frame()), 1.0);
}

TEST_F(ChangeTest, ASlowChangeAddsUp) {
  measure.since_kept(frame());
  measure.keep();
  double share = 0.0;
  for (std::uint8_t luma = 101; luma <= 106; ++luma) {
    fill(0, 0, kWidth, kHeight, luma);
    EXPECT_EQ(share, 0.0);
    share = measure.since_kept(frame());
  }
  EXPECT_EQ(share, 1.0);
}

TEST_F(ChangeTest, NoiseIsNoChange) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(100.0, 8.0);
  const auto grain = [&] {
    std::ranges::generate(pixels,
                          [&] { return static_cast<std::uint8_t>(std::clamp(noise(random), 0.0, 255.0)); });
  };
  grain();
  measure.since_kept(frame());
  measure.keep();
  for (int n = 0; n < 20; ++n) {
    grain();
    EXPECT_LE(measure.since_kept(frame()), 1.0 / 220.0);
  }
}

TEST_F(ChangeTest, AnotherSizeIsAnotherPicture) {
  measure.since_kept(frame());
  measure.keep();
  EXPECT_EQ(measure.since_kept({pixels, kHeight, kWidth, kHeight}), 1.0);
  measure.keep();
  EXPECT_EQ(measure.since_kept({pixels, kHeight, kWidth, kHeight}), 0.0);
  measure.reset();
  EXPECT_EQ(measure.since_kept({pixels, kHeight, kWidth, kHeight}), 1.0);
}

TEST_F(ChangeTest, RefusesAFrameThatIsNotThere) {
  EXPECT_THROW(measure.since_kept({pixels, 1000, 1000, 1000}), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::signals
