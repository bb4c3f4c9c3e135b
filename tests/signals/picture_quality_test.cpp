#include "signals/picture_quality.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/signals/recorder.h"

namespace vedette::signals {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Size {
  int width, height;
};

// A rendered scene, and what may be wrong with the camera that sees it.
class Scene {
 public:
  explicit Scene(Size size) : size_(size), luma_(count()) {
    std::uniform_real_distribution<float> share(0.0F, 1.0F);
    const auto wide = static_cast<float>(size.width), high = static_cast<float>(size.height);
    for (int y = 0; y < size.height; ++y) {
      const float row = 12.0F * std::sin(40.0F * static_cast<float>(y) / high);
      for (int x = 0; x < size.width; ++x)
        at(x, y) = 90.0F + row * std::cos(50.0F * static_cast<float>(x) / wide);
    }
    for (int box = 0; box < 40; ++box) {
      const int left = static_cast<int>(share(random_) * wide), top = static_cast<int>(share(random_) * high);
      const int right = std::min(size.width, left + static_cast<int>((0.05F + 0.2F * share(random_)) * wide));
      const int bottom =
          std::min(size.height, top + static_cast<int>((0.05F + 0.2F * share(random_)) * high));
      const float tone = 100.0F * share(random_) - 50.0F;
      for (int y = top; y < bottom; ++y) {
        for (int x = left; x < right; ++x) at(x, y) += tone;
      }
    }
  }

  // Three boxes, each of `share` of the width, are much like a Gaussian.
  Scene& blur(double share) {
    const int radius = std::max(1, static_cast<int>(share * size_.width / 2));
    for (int pass = 0; pass < 3; ++pass) {
      average(radius, size_.width, size_.height, 1, size_.width);
      average(radius, size_.height, size_.width, size_.width, 1);
    }
    return *this;
  }
  Scene& noise(double deviation, unsigned look) {
    std::mt19937 random(look);
    std::normal_distribution<float> grain(0.0F, static_cast<float>(deviation));
    for (float& luma : luma_) luma += grain(random);
    return *this;
  }
  // Blocks of one tone, in steps of `quantum`.
  Scene& mosaic(int wide, int high, float quantum) {
    for (int top = 0; top < size_.height; top += high) {
      for (int left = 0; left < size_.width; left += wide) {
        const float tone = std::round(at(left, top) / quantum) * quantum;
        for (int y = top; y < std::min(top + high, size_.height); ++y) {
          for (int x = left; x < std::min(left + wide, size_.width); ++x) at(x, y) = tone;
        }
      }
    }
    return *this;
  }
  // Bands of rows go sideways, round about.
  Scene& tear(int band) {
    std::uniform_int_distribution<int> by(size_.width / 20, size_.width / 5);
    for (int top = 0; top < size_.height; top += 2 * band) {
      const int shift = by(random_);
      for (int y = top; y < std::min(top + band, size_.height); ++y) {
        auto* row = luma_.data() + y * size_.width;
        std::rotate(row, row + shift, row + size_.width);
      }
    }
    return *this;
  }
  Scene& move(int by) {
    for (int y = 0; y < size_.height; ++y)
      std::rotate(luma_.data() + y * size_.width, luma_.data() + y * size_.width + by,
                  luma_.data() + (y + 1) * size_.width);
    return *this;
  }
  Scene& dim(float gain) {
    for (float& luma : luma_) luma = 20.0F + (luma - 20.0F) * gain;
    return *this;
  }
  // A clock in a corner, as cameras write it over what they see.
  Scene& clock() {
    for (int y = size_.height / 40; y < size_.height / 14; ++y) {
      for (int x = size_.width / 40; x < size_.width / 3; ++x)
        at(x, y) = (x * 80 / size_.width) % 2 == 0 ? 235.0F : 16.0F;
    }
    return *this;
  }

  // Bytes of rows that are `stride` apart, each pixel `step` times.
  std::vector<std::uint8_t> bytes(int stride, int step = 1) const {
    std::vector<std::uint8_t> out(static_cast<std::size_t>(stride) * static_cast<std::size_t>(size_.height),
                                  255);
    for (std::size_t i = 0; i < luma_.size(); ++i) {
      const auto value = static_cast<std::uint8_t>(std::clamp(luma_[i] + 0.5F, 0.0F, 255.0F));
      std::fill_n(out.begin() + y_of(i) * stride + x_of(i) * step, step, value);
    }
    return out;
  }
  Size size() const { return size_; }

 private:
  std::size_t count() const {
    return static_cast<std::size_t>(size_.width) * static_cast<std::size_t>(size_.height);
  }
  int x_of(std::size_t i) const { return static_cast<int>(i) % size_.width; }
  int y_of(std::size_t i) const { return static_cast<int>(i) / size_.width; }
  float& at(int x, int y) {
    return luma_[static_cast<std::size_t>(y) * static_cast<std::size_t>(size_.width) +
                 static_cast<std::size_t>(x)];
  }
  void average(int radius, int length, int lines, int along, int beside) {
    std::vector<float> line(static_cast<std::size_t>(length));
    for (int n = 0; n < lines; ++n) {
      float* first = luma_.data() + n * beside;
      for (int i = 0; i < length; ++i) line[static_cast<std::size_t>(i)] = first[i * along];
      const auto value = [&](int i) { return line[static_cast<std::size_t>(std::clamp(i, 0, length - 1))]; };
      float sum = 0.0F;
      for (int k = -radius; k <= radius; ++k) sum += value(k);
      for (int i = 0; i < length; ++i) {
        first[i * along] = sum / static_cast<float>(2 * radius + 1);
        sum += value(i + radius + 1) - value(i - radius);
      }
    }
  }

  Size size_;
  std::mt19937 random_{1};
  std::vector<float> luma_;
};

class PictureQualityTest : public ::testing::Test {
 protected:
  void show(const Scene& scene, int step = 1) {
    const auto [width, height] = scene.size();
    const int stride = width * step + 7;
    const auto pixels = scene.bytes(stride, step);
    const auto grey = step == 1 ? pixels : scene.bytes(width);
    const LumaFrame small = shrink_.shrink({grey, width, height, step == 1 ? stride : width});
    quality_->look(at(now_), {pixels, width, height, stride, step}, small);
    now_ += 1s;
  }
  // What is told of six looks at scenes that `make` makes.
  std::vector<std::string> told(const std::function<Scene(unsigned)>& make, int step = 1) {
    for (unsigned n = 0; n < 6; ++n) show(make(n), step);
    return recorder_.lines();
  }

  Recorder recorder_;
  std::optional<PictureQuality> quality_{std::in_place, PictureQualityOptions{}, recorder_.sink()};
  SmallLuma shrink_;
  std::chrono::nanoseconds now_{0};
};

constexpr Size kSizes[] = {{640, 360}, {960, 540}, {321, 243}, {360, 640}};

class PictureQualityOfSizeTest : public PictureQualityTest, public ::testing::WithParamInterface<Size> {};
INSTANTIATE_TEST_SUITE_P(Sizes, PictureQualityOfSizeTest, ::testing::ValuesIn(kSizes));

TEST_P(PictureQualityOfSizeTest, AClearPictureIsHealthy) {
  EXPECT_THAT(told([&](unsigned n) { return Scene(GetParam()).blur(0.005).noise(2.0, n); }), IsEmpty());
}

TEST_P(PictureQualityOfSizeTest, TellsABlurredOne) {
  EXPECT_THAT(told([&](unsigned n) { return Scene(GetParam()).blur(0.045).noise(2.0, n); }),
              ElementsAre("picture_blurred on 0 ms"));
}

TEST_P(PictureQualityOfSizeTest, TellsANoisyOne) {
  EXPECT_THAT(told([&](unsigned n) { return Scene(GetParam()).noise(10.0 + n, n); }),
              ElementsAre("picture_noisy on 1000 ms"));
  ASSERT_FALSE(recorder_.events.empty());
  EXPECT_NEAR(recorder_.events[0].measured, 14.0, 2.0);  // the highest deviation of the last three looks
}

TEST_P(PictureQualityOfSizeTest, TellsABlockyOne) {
  EXPECT_THAT(told([&](unsigned n) { return Scene(GetParam()).mosaic(16, 9, 12).noise(0.5, n); }),
              ElementsAre("picture_blocky on 0 ms"));
}

TEST_P(PictureQualityOfSizeTest, TellsAGarbledOne) {
  EXPECT_THAT(told([&](unsigned n) { return Scene(GetParam()).noise(2.0, n).tear(GetParam().height / 40); }),
              ElementsAre("picture_garbled on 0 ms"));
}

TEST_F(PictureQualityTest, ReadsPackedColours) {
  EXPECT_THAT(told(
                  [](unsigned) {
                    return Scene({640, 360}).blur(0.045);
                  },
                  3),
              ElementsAre("picture_blurred on 0 ms"));
  now_ += 10s;
  EXPECT_THAT(
      told(
          [](unsigned n) {
            return Scene({640, 360}).noise(20.0, n);
          },
          3),
      ElementsAre("picture_blurred on 0 ms", "picture_blurred off 16000 ms", "picture_noisy on 16000 ms"));
}

TEST_F(PictureQualityTest, TellsTheTimesAndForgetsAGlitch) {
  const auto clear = [] { return Scene({320, 180}); };
  for (int n = 0; n < 5; ++n) show(clear());
  show(clear().tear(5));
  for (int n = 0; n < 4; ++n) show(clear());
  EXPECT_THAT(recorder_.lines(), IsEmpty());
  for (int n = 0; n < 5; ++n) show(clear().tear(5));
  for (int n = 0; n < 3; ++n) show(clear());
  EXPECT_THAT(recorder_.lines(), ElementsAre("picture_garbled on 10000 ms", "picture_garbled off 15000 ms"));
}

TEST_F(PictureQualityTest, AScenesOwnLooksAreNoFaults) {
  const std::vector<std::pair<const char*, std::function<Scene(unsigned)>>> scenes = {
      {"a dim one",
       [](unsigned n) {
         return Scene({640, 360}).dim(0.3F).noise(3.0, n);
       }},
      {"a camera that turns",
       [](unsigned n) {
         return Scene({640, 360}).noise(1.0, n).move(static_cast<int>(40 * n));
       }},
      {"a soft one with its clock",
       [](unsigned) {
         return Scene({640, 360}).blur(0.01).clock();
       }},
      {"nothing but a lamp's light",
       [](unsigned) {
         return Scene({640, 360}).blur(0.9);
       }},
      {"a flat wall",
       [](unsigned n) {
         return Scene({640, 360}).dim(0.0F).noise(1.0, n);
       }},
  };
  for (const auto& [name, make] : scenes) {
    EXPECT_THAT(told(make), IsEmpty()) << name;
    now_ += 10s;
  }
}

TEST_F(PictureQualityTest, AClockDoesNotHideThatTheRestIsBlurred) {
  EXPECT_THAT(told([](unsigned) {
                return Scene({640, 360}).blur(0.045).clock();
              }),
              ElementsAre("picture_blurred on 0 ms"));
}

TEST_F(PictureQualityTest, TinyPicturesTellNothing) {
  for (const Size size : {Size{1, 1}, Size{2, 40}, Size{40, 2}, Size{9, 9}, Size{16, 16}, Size{33, 17}}) {
    for (int n = 0; n < 5; ++n) show(Scene(size));
  }
  EXPECT_THAT(recorder_.lines(), IsEmpty());
}

TEST_F(PictureQualityTest, AnotherSizeAndAnotherEpochBeginAnew) {
  for (unsigned n = 0; n < 10; ++n) show(Scene(n % 2 == 0 ? Size{640, 360} : Size{320, 180}).noise(20.0, n));
  EXPECT_THAT(recorder_.lines(), IsEmpty());  // no two to compare
}

TEST_F(PictureQualityTest, ZeroMeansNever) {
  PictureQualityOptions options;
  options.blurred_share = options.noisy_deviation = options.blocky_ratio = options.garbled_rows = 0.0F;
  quality_.emplace(options, recorder_.sink());
  EXPECT_THAT(told([](unsigned n) {
                return n < 3 ? Scene({320, 180}).noise(40.0, n).tear(5) : Scene({320, 180}).mosaic(16, 9, 12);
              }),
              IsEmpty());
}

TEST_F(PictureQualityTest, RefusesAPictureThatIsNotThere) {
  const std::vector<std::uint8_t> pixels(100);
  const LumaFrame small{pixels, 10, 10, 10};
  EXPECT_NO_THROW(quality_->look(at(0s), {pixels, 10, 10, 10, 1}, small));
  EXPECT_NO_THROW(quality_->look(at(1s), {pixels, 3, 10, 10, 3}, small));
  for (const WholePicture& bad : {WholePicture{pixels, 20, 10, 20, 1}, WholePicture{pixels, 10, 10, 9, 1},
                                  WholePicture{pixels, 4, 10, 10, 4}, WholePicture{pixels, -1, 10, 10, 1},
                                  WholePicture{{}, 0, 0, 0, 1}, WholePicture{pixels, 5, 5, 5, 0}}) {
    EXPECT_THROW(quality_->look(at(2s), bad, small), std::invalid_argument);
  }
  EXPECT_THROW(quality_->look(at(3s), {pixels, 10, 10, 10, 1}, {pixels, 20, 10, 20}), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::signals
