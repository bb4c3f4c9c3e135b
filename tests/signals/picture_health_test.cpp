#include "signals/picture_health.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/signals/recorder.h"

namespace vedette::signals {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kWidth = 80, kHeight = 45, kStride = 96;

// A rendered scene: a gradient with a bright square at `x`, and what a sensor or an encoder adds.
std::vector<std::uint8_t> scene(int x, double noise = 0.0, unsigned seed = 0) {
  std::vector<std::uint8_t> pixels(kStride * kHeight, 255);
  std::mt19937 random(seed);
  std::normal_distribution<double> grain(0.0, noise > 0.0 ? noise : 1.0);
  for (int row = 0; row < kHeight; ++row) {
    for (int column = 0; column < kWidth; ++column) {
      const bool square = row >= 20 && row < 26 && column >= x && column < x + 6;
      const double value = (square ? 230.0 : 40.0 + column) + (noise > 0.0 ? grain(random) : 0.0);
      pixels[static_cast<std::size_t>(row * kStride + column)] =
          static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
    }
  }
  return pixels;
}

std::vector<std::uint8_t> night(int luma, double noise, unsigned seed) {
  std::vector<std::uint8_t> pixels(kStride * kHeight, 255);
  std::mt19937 random(seed);
  std::normal_distribution<double> grain(luma, noise);
  for (int row = 0; row < kHeight; ++row) {
    for (int column = 0; column < kWidth; ++column) {
      pixels[static_cast<std::size_t>(row * kStride + column)] =
          static_cast<std::uint8_t>(std::clamp(grain(random), 0.0, 255.0));
    }
  }
  return pixels;
}

class PictureHealthTest : public ::testing::Test {
 protected:
  void show(const std::vector<std::uint8_t>& pixels) {
    health_.count_frame(at(now_));
    health_.look(at(now_), {pixels, kWidth, kHeight, kStride});
    now_ += 500ms;
  }
  void live(int looks) {
    for (int n = 0; n < looks; ++n) show(scene(++position_ % 70));
  }
  void frames(int count, std::chrono::nanoseconds apart) {
    for (int n = 0; n < count; ++n, now_ += apart) health_.count_frame(at(now_));
  }

  Recorder recorder_;
  PictureHealth health_{PictureHealthOptions{}, recorder_.sink()};
  std::chrono::nanoseconds now_{0};
  int position_ = 0;
};

TEST_F(PictureHealthTest, ALivePictureIsHealthy) {
  live(60);
  EXPECT_THAT(recorder_.events, IsEmpty());
}

TEST_F(PictureHealthTest, ReportsBlackWithTheTimeItBeganAndEnded) {
  live(4);
  for (unsigned n = 0; n < 10; ++n) show(night(16, 2.0, n));
  live(6);
  EXPECT_THAT(recorder_.lines(), ElementsAre("picture_black on 2000 ms", "picture_black off 7000 ms"));
  EXPECT_NEAR(recorder_.events[0].measured, 16.0, 0.5);
}

TEST_F(PictureHealthTest, ADarkSceneWithALightIsNotBlack) {
  for (unsigned n = 0; n < 20; ++n) {
    auto pixels = night(18, 3.0, n);
    for (int row = 10; row < 20; ++row)
      std::fill_n(pixels.begin() + row * kStride + 30, 10, std::uint8_t{200});
    show(pixels);
  }
  EXPECT_THAT(recorder_.events, IsEmpty());
}

TEST_F(PictureHealthTest, ReportsAFrozenPictureSinceItsFirstFrame) {
  live(10);
  for (int n = 0; n < 30; ++n) show(scene(position_ % 70));
  live(4);
  EXPECT_THAT(recorder_.lines(), ElementsAre("picture_frozen on 4500 ms", "picture_frozen off 20000 ms"));
}

TEST_F(PictureHealthTest, RecompressionDoesNotHideAFrozenPicture) {
  for (int n = 0; n < 30; ++n)
    show(scene(30, n % 10 == 0 ? 0.5 : 0.0, static_cast<unsigned>(n)));  // key frames pulse
  EXPECT_THAT(recorder_.lines(), ElementsAre("picture_frozen on 0 ms"));
}

TEST_F(PictureHealthTest, SensorNoiseOrOneSmallMoverIsNotFrozen) {
  for (unsigned n = 0; n < 40; ++n) show(scene(30, 2.0, n));
  EXPECT_THAT(recorder_.events, IsEmpty());
  for (int n = 0; n < 40; ++n) {
    auto pixels = scene(30);
    pixels[static_cast<std::size_t>(5 * kStride + n)] = 220;
    pixels[static_cast<std::size_t>(6 * kStride + n)] = 220;
    show(pixels);
  }
  EXPECT_THAT(recorder_.events, IsEmpty());
}

TEST_F(PictureHealthTest, ReportsAbsenceAndTheLowRateThatComesWithIt) {
  frames(100, 100ms);
  for (int n = 0; n < 15; ++n, now_ += 1s) health_.tick(at(now_));
  frames(100, 100ms);
  EXPECT_THAT(recorder_.lines(), ElementsAre("picture_absent on 9900 ms", "low_frame_rate on 10000 ms",
                                             "picture_absent off 25000 ms", "low_frame_rate off 25000 ms"));
}

TEST_F(PictureHealthTest, ReportsALowFrameRateAndItsFigure) {
  frames(100, 100ms);
  frames(10, 2s);
  ASSERT_THAT(recorder_.lines(), ElementsAre("low_frame_rate on 10000 ms"));
  EXPECT_NEAR(recorder_.events[0].measured, 0.5, 0.1);
}

TEST_F(PictureHealthTest, AChangeOfSizeIsAChangeOfPicture) {
  const std::vector<std::uint8_t> pixels(64 * 36, 100);
  for (int n = 0; n < 60; ++n) {
    const bool wide = n / 10 % 2 == 0;  // every 5 s: never still for long enough
    health_.look(at(std::chrono::milliseconds(n * 500)),
                 {pixels, wide ? 64 : 36, wide ? 36 : 64, wide ? 64 : 36});
  }
  EXPECT_THAT(recorder_.events, IsEmpty());
}

TEST_F(PictureHealthTest, NothingIsCountedAcrossEpochs) {
  const auto pixels = scene(30);
  for (std::uint32_t epoch = 0; epoch < 4; ++epoch) {
    for (int n = 0; n < 16; ++n) {
      health_.count_frame(at(std::chrono::milliseconds(n * 500), epoch));
      health_.look(at(std::chrono::milliseconds(n * 500), epoch), {pixels, kWidth, kHeight, kStride});
    }
  }
  EXPECT_THAT(recorder_.events, IsEmpty());
}

TEST_F(PictureHealthTest, RefusesAFrameThatIsNotThere) {
  const std::vector<std::uint8_t> pixels(100);
  EXPECT_THROW(health_.look(at(0s), {pixels, 20, 10, 20}), std::invalid_argument);
  EXPECT_THROW(health_.look(at(0s), {pixels, 20, 2, 10}), std::invalid_argument);
  EXPECT_THROW(health_.look(at(0s), {pixels, 0, 10, 20}), std::invalid_argument);
  EXPECT_NO_THROW(health_.look(at(0s), {pixels, 10, 10, 10}));
}

}  // namespace
}  // namespace vedette::signals
