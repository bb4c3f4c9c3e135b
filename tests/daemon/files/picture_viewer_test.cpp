// What becomes of decoded pictures of a file: which are looked at, held back, encoded.
#include "daemon/files/picture_viewer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/fake_image_encoding.h"

namespace vedette::daemon::files {
namespace {

using namespace std::chrono_literals;
using base::MediaTime;
using models::runtime::ImageFrame;
using std::chrono::nanoseconds;
using streams::SeenFrame;
using testing::ElementsAre;

// A grey picture with a bright square at `x` of its width.
ImageFrame picture(double x, int width = 64, int height = 36) {
  const auto pixels = std::make_shared<std::vector<std::uint8_t>>(
      static_cast<std::size_t>(3 * width * height), std::uint8_t{90});
  for (std::size_t i = 0; i < pixels->size(); ++i) {  // a background that a camera would see move
    const auto at = static_cast<int>(i / 3);
    (*pixels)[i] =
        static_cast<std::uint8_t>(60 + (at % width * 7 / width + at / width * 5 / height) % 3 * 30);
  }
  const int left = static_cast<int>(x * width), side = height / 3;
  for (int row = side; row < 2 * side; ++row) {
    for (int column = left; column < std::min(left + side, width); ++column)
      for (int c = 0; c < 3; ++c) (*pixels)[static_cast<std::size_t>(3 * (row * width + column) + c)] = 220;
  }
  models::preprocess::FrameView view;
  view.format = models::preprocess::PixelFormat::kRgb;
  view.width = width;
  view.height = height;
  view.planes[0] = *pixels;
  view.strides[0] = 3 * width;
  return {view, pixels};
}

struct PictureViewerTest : testing::Test {
  std::shared_ptr<tests::FakeImageEncoding> encoding = std::make_shared<tests::FakeImageEncoding>();
  std::vector<SeenFrame> seen;
  std::vector<signals::MotionEvent> moved;
  int looks = 0;

  PictureViewer::Hooks hooks() {
    return {{[this](MediaTime, const signals::WholePicture& picture, const signals::LumaFrame& small) {
               EXPECT_LE(small.width, signals::SmallLuma::kLongest);
               EXPECT_GE(picture.width, small.width);
               ++looks;
             },
             [this](const signals::MotionEvent& event) { moved.push_back(event); }},
            [this](SeenFrame frame) { seen.push_back(std::move(frame)); }};
  }
  static PictureViewerOptions at_rate(double rate_hz = 1.0) { return {"clip", rate_hz, true}; }
  // Shows what `at` gives for each time, 15 a second.
  template <class At>
  static void play(PictureViewer& viewer, nanoseconds length, At&& at) {
    for (nanoseconds t{0}; t < length; t += nanoseconds(66'666'667)) {
      const MediaTime time{0, t};
      if (viewer.wants(time)) viewer.look(time, at(std::chrono::duration<double>(t).count()));
    }
  }
};

TEST_F(PictureViewerTest, PicturesThatChangeAreEncodedAtTheRateAndOthersHeldBack) {
  PictureViewer viewer(at_rate(), encoding, hooks());
  play(viewer, 10s, [](double t) { return picture(t < 4.5 ? 0.1 : 0.6); });
  viewer.finish();
  ASSERT_EQ(seen.size(), 11u);  // ten, and the end
  EXPECT_EQ(encoding->seen().size(), 2u);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(std::chrono::duration<double>(seen[i].time.t).count(), static_cast<double>(i), 0.1);
    const bool changed = i == 0 || i == 5;
    EXPECT_EQ(seen[i].tokens.empty(), !changed) << i;
    EXPECT_EQ(seen[i].change > 0.0F, changed) << i;
    EXPECT_NE(seen[i].picture.owner, nullptr);
    EXPECT_EQ(seen[i].lost, 0u);
  }
  EXPECT_TRUE(seen.back().last);
  EXPECT_NEAR(looks, 10, 1);
}

TEST_F(PictureViewerTest, WhatMovesIsToldAlsoBetweenSampledPictures) {
  PictureViewer viewer(at_rate(0.2), encoding, hooks());
  play(viewer, 12s,
       [](double t) { return picture(t < 5.0 ? 0.0 : std::min(0.9, (t - 5.0) / 4.0), 160, 90); });
  viewer.finish();
  ASSERT_FALSE(moved.empty());
  EXPECT_EQ(moved.front().kind, signals::MotionKind::kThings);
  EXPECT_GT(moved.front().start.t, 4s);
  EXPECT_LT(moved.front().start.t, 8s);
}

TEST_F(PictureViewerTest, WithoutAnEncoderPicturesAreHandedOnWithoutTokens) {
  PictureViewer viewer(at_rate(), nullptr, hooks());
  play(viewer, 2s, [](double) { return picture(0.3); });
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen[0].tokens.empty());
  EXPECT_GT(seen[0].change, 0.0F);
  EXPECT_EQ(seen[1].change, 0.0F);
}

TEST_F(PictureViewerTest, APictureThatCannotBeEncodedHasNoTokensAndTheNextOnesDo) {
  encoding->fail_at(66);
  PictureViewer viewer(at_rate(), encoding, hooks());
  play(viewer, 3s, [](double t) { return t < 1.0 ? picture(0.1, 66, 40) : picture(t < 2.0 ? 0.3 : 0.6); });
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_TRUE(seen[0].tokens.empty());
  EXPECT_GT(seen[0].change, 0.0F);
  EXPECT_FALSE(seen[1].tokens.empty());
  EXPECT_FALSE(seen[2].tokens.empty());
}

TEST_F(PictureViewerTest, SizesMayChangeAndBeOdd) {
  PictureViewer viewer(at_rate(), encoding, hooks());
  play(viewer, 4s, [](double t) {
    return t < 1.0 ? picture(0.2, 1, 1) : t < 2.0 ? picture(0.2, 17, 9) : picture(0.2, 321, 181);
  });
  ASSERT_EQ(seen.size(), 4u);
  std::vector<int> widths;
  for (const auto& seen_by : encoding->seen()) widths.push_back(seen_by.view.width);
  EXPECT_THAT(widths, ElementsAre(1, 17, 321));
}

TEST_F(PictureViewerTest, TimesThatGoBackAreLeftOut) {
  PictureViewer viewer(at_rate(), encoding, hooks());
  play(viewer, 3s, [](double) { return picture(0.1); });
  viewer.look({0, 1s}, picture(0.8));
  EXPECT_EQ(seen.size(), 3u);
}

}  // namespace
}  // namespace vedette::daemon::files
