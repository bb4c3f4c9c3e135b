#include "signals/luma_frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace vedette::signals {
namespace {

TEST(SmallLuma, ASmallPictureStaysAsItIs) {
  const std::vector<std::uint8_t> pixels = {1, 2, 3, 99, 4, 5, 6};
  SmallLuma small;
  const LumaFrame out = small.shrink({pixels, 3, 2, 4});
  EXPECT_EQ(std::vector<std::uint8_t>(out.pixels.begin(), out.pixels.end()),
            (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(out.width, 3);
  EXPECT_EQ(out.height, 2);
}

TEST(SmallLuma, KeepsTheShape) {
  SmallLuma small;
  for (const auto& [width, height, out_width, out_height] : {std::array{1920, 1080, 160, 90},
                                                             {1080, 1920, 90, 160},
                                                             {640, 480, 160, 120},
                                                             {5000, 3, 160, 1},
                                                             {161, 161, 160, 160}}) {
    const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
                                           77);
    const LumaFrame out = small.shrink({pixels, width, height, width});
    EXPECT_EQ(out.width, out_width);
    EXPECT_EQ(out.height, out_height);
    EXPECT_TRUE(std::ranges::all_of(out.pixels, [](int pixel) { return pixel == 77; }));
  }
}

TEST(SmallLuma, AveragesBoxes) {
  std::vector<std::uint8_t> pixels(320 * 180);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i % 2 == 0 ? 50 : 150);
  SmallLuma small;
  const LumaFrame out = small.shrink({pixels, 320, 180, 320});
  EXPECT_TRUE(std::ranges::all_of(out.pixels, [](int pixel) { return pixel == 100; }));
}

TEST(SmallLuma, WeighsColours) {
  SmallLuma small;
  const std::vector<std::uint8_t> pixels = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
  const LumaFrame out = small.shrink_rgb(pixels, 4, 1, 12);
  EXPECT_EQ(std::vector<std::uint8_t>(out.pixels.begin(), out.pixels.end()),
            (std::vector<std::uint8_t>{76, 149, 28, 255}));
}

TEST(SmallLuma, RefusesAFrameThatIsNotThere) {
  const std::vector<std::uint8_t> pixels(100);
  SmallLuma small;
  EXPECT_THROW(small.shrink({pixels, 20, 10, 20}), std::invalid_argument);
  EXPECT_THROW(small.shrink_rgb(pixels, 10, 10, 10), std::invalid_argument);
  EXPECT_THROW(small.shrink({pixels, -1, 10, 10}), std::invalid_argument);
  EXPECT_THROW(small.shrink({{}, 0, 0, 0}), std::invalid_argument);
  EXPECT_NO_THROW(small.shrink_rgb(pixels, 11, 3, 33));
}

}  // namespace
}  // namespace vedette::signals
