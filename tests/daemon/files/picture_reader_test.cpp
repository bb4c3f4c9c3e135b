// Pictures of files as FFmpeg reads them, good ones and bad ones.
#include "daemon/files/picture_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/support/thrown_message.h"

namespace vedette::daemon::files {
namespace {

using namespace std::chrono_literals;
using models::preprocess::ColorRange;
using models::preprocess::FrameView;
using models::preprocess::PixelFormat;
using std::chrono::nanoseconds;

struct PictureReaderTest : testing::Test {
  test::TemporaryFolder folder;

  // Runs ffmpeg with these arguments before the file's name.
  std::string make(const std::string& name, const std::string& arguments) const {
    const std::string file = (folder.path() / name).string();
    const std::string command = "ffmpeg -nostdin -loglevel error -y " + arguments + " '" + file + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return file;
  }
  static std::vector<PictureReader::Picture> all(PictureReader& reader) {
    std::vector<PictureReader::Picture> pictures;
    while (auto picture = reader.read([](nanoseconds) { return true; }))
      pictures.push_back(std::move(*picture));
    return pictures;
  }
  static std::vector<PictureReader::Picture> all(const std::string& file) {
    PictureReader reader(file);
    return all(reader);
  }
  // Mean luma of the part [x0, x1) x [y0, y1) of the picture, in shares of it.
  static double luma(const FrameView& view, double x0, double y0, double x1, double y1) {
    double sum = 0.0;
    int count = 0;
    for (int y = static_cast<int>(y0 * view.height); y < static_cast<int>(y1 * view.height); ++y) {
      for (int x = static_cast<int>(x0 * view.width); x < static_cast<int>(x1 * view.width); ++x, ++count)
        sum += view.planes[0][static_cast<std::size_t>(y * view.strides[0] + x)];
    }
    return sum / count;
  }
};

// White on the left half, black on the right.
constexpr const char* kHalves =
    "-f lavfi -i color=black:size=64x36:rate=5:duration=1 -vf drawbox=w=32:h=36:color=white:t=fill";

TEST_F(PictureReaderTest, PicturesComeInOrderWithTheirTimes) {
  const auto pictures =
      all(make("plain.mp4",
               "-f lavfi -i testsrc=size=320x180:rate=15:duration=2 -c:v libx264 -bf 2 -pix_fmt yuv420p"));
  ASSERT_EQ(pictures.size(), 30u);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(pictures[i].time.count()), static_cast<double>(i) * 1e9 / 15.0, 1e6);
    EXPECT_EQ(pictures[i].frame.view.width, 320);
    EXPECT_EQ(pictures[i].frame.view.height, 180);
    EXPECT_EQ(pictures[i].frame.view.format, PixelFormat::kI420);
  }
}

TEST_F(PictureReaderTest, OnlyWhatIsWantedIsGiven) {
  PictureReader reader(
      make("plain.mp4", "-f lavfi -i testsrc=size=64x36:rate=10:duration=2 -pix_fmt yuv420p"));
  std::vector<nanoseconds> times;
  while (const auto picture = reader.read([](nanoseconds time) { return time >= 1s; }))
    times.push_back(picture->time);
  ASSERT_EQ(times.size(), 10u);
  EXPECT_EQ(times.front(), 1s);
}

TEST_F(PictureReaderTest, SeekingGoesToTheKeyPictureBefore) {
  PictureReader reader(
      make("keys.mp4", "-f lavfi -i testsrc=size=64x36:rate=10:duration=6 -g 20 -pix_fmt yuv420p"));
  reader.seek(3500ms);
  const auto picture = reader.read([](nanoseconds) { return true; });
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->time, 2s);
}

TEST_F(PictureReaderTest, TenBitsAlphaOtherFormsAndOddSizesBecomeWhatModelsTake) {
  const struct {
    const char* name;
    const char* arguments;
    int width, height;
  } cases[] = {
      {"ten.mkv", " -c:v ffv1 -pix_fmt yuv420p10le", 64, 36},
      {"alpha.mkv", " -c:v ffv1 -pix_fmt yuva420p", 64, 36},
      {"argb.mkv", " -c:v png -pix_fmt rgba", 64, 36},
      {"full.mkv", " -c:v ffv1 -pix_fmt yuv444p", 64, 36},
      {"grey.mkv", " -c:v ffv1 -pix_fmt gray", 64, 36},
      {"odd.mkv", ",scale=63:35,setsar=1 -c:v ffv1 -pix_fmt yuv420p", 63, 35},
      {"tiny.mkv", ",scale=2:2,setsar=1 -c:v ffv1 -pix_fmt yuv420p", 2, 2},
      {"wide.mkv", " -aspect 4:1 -c:v ffv1 -pix_fmt yuv420p", 144, 36},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const auto pictures = all(make(one.name, std::string(kHalves) + one.arguments));
    ASSERT_EQ(pictures.size(), 5u);
    const FrameView& view = pictures[2].frame.view;
    EXPECT_EQ(view.width, one.width);
    EXPECT_EQ(view.height, one.height);
    if (view.format != PixelFormat::kI420 || view.width < 8) continue;
    EXPECT_GT(luma(view, 0.1, 0.1, 0.4, 0.9), 220.0);
    EXPECT_LT(luma(view, 0.6, 0.1, 0.9, 0.9), 30.0);
  }
}

TEST_F(PictureReaderTest, ARotatedPictureStandsUpright) {
  const std::string lying = make("lying.mp4", std::string(kHalves) + " -c:v libx264 -pix_fmt yuv420p");
  const std::string file = make("turned.mp4", "-i '" + lying + "' -c copy -metadata:s:v rotate=90");
  const auto pictures = all(file);
  ASSERT_EQ(pictures.size(), 5u);
  const FrameView& view = pictures[0].frame.view;
  EXPECT_EQ(view.width, 36);
  EXPECT_EQ(view.height, 64);
  // FFmpeg writes a quarter counterclockwise: what was left is below.
  EXPECT_LT(luma(view, 0.1, 0.1, 0.9, 0.4), 50.0);
  EXPECT_GT(luma(view, 0.1, 0.6, 0.9, 0.9), 200.0);
}

TEST_F(PictureReaderTest, OfAnInterlacedPictureOneFieldIsShown) {
  // A bar that moves 8 pixels from field to field: woven fields would show combs.
  const auto pictures =
      all(make("fields.mkv",
               "-f lavfi -i \"color=black:size=64x36:rate=20:duration=1[a];"
               "color=white:size=16x36:rate=20:duration=1[b];[a][b]overlay=x='mod(n*8,48)',interlace\" "
               "-c:v mpeg2video -q:v 2 -flags +ildct+ilme -top 1 -pix_fmt yuv420p"));
  ASSERT_GE(pictures.size(), 4u);
  for (const auto& picture : pictures) {
    const FrameView& view = picture.frame.view;
    double combs = 0.0;
    for (int y = 2; y + 2 < view.height; ++y) {
      for (int x = 0; x < view.width; ++x) {
        const auto at = [&](int row) {
          return static_cast<double>(view.planes[0][static_cast<std::size_t>(row * view.strides[0] + x)]);
        };
        combs += std::abs(at(y) - (at(y - 1) + at(y + 1)) / 2.0);
      }
    }
    EXPECT_LT(combs / (64.0 * 32.0), 4.0);
  }
}

TEST_F(PictureReaderTest, TheSizeMayChangeInTheMiddle) {
  const std::string small =
      make("a.ts", "-f lavfi -i testsrc=size=64x36:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p");
  const std::string large = make("b.ts",
                                 "-f lavfi -i testsrc=size=322x182:rate=10:duration=1 -c:v libx264 "
                                 "-pix_fmt yuv420p -output_ts_offset 1");
  const std::string file = (folder.path() / "both.ts").string();
  ASSERT_EQ(std::system(("cat '" + small + "' '" + large + "' > '" + file + "'").c_str()), 0);
  const auto pictures = all(file);
  ASSERT_GE(pictures.size(), 18u);
  EXPECT_EQ(pictures.front().frame.view.width, 64);
  EXPECT_EQ(pictures.back().frame.view.width, 322);
}

TEST_F(PictureReaderTest, TimesFarAheadAreSkipped) {
  const std::string file =
      make("jump.mkv",
           "-f lavfi -i testsrc=size=64x36:rate=10:duration=2 -vf "
           "\"setpts='if(gte(N,10),PTS+7200/TB,PTS)'\" -fps_mode passthrough -c:v ffv1 -pix_fmt yuv420p");
  PictureReader reader(file);
  EXPECT_EQ(all(reader).size(), 10u);
  EXPECT_EQ(reader.broken(), 10);
}

TEST_F(PictureReaderTest, ABrokenFileGivesWhatCanBeRead) {
  const std::string good = make(
      "good.ts", "-f lavfi -i testsrc=size=320x180:rate=10:duration=3 -c:v libx264 -g 5 -pix_fmt yuv420p");
  const std::string file = (folder.path() / "broken.ts").string();
  ASSERT_EQ(std::system(("cp '" + good + "' '" + file + "' && dd if=/dev/urandom of='" + file +
                         "' bs=188 seek=20 count=10 conv=notrunc status=none")
                            .c_str()),
            0);
  PictureReader reader(file);
  EXPECT_GE(all(reader).size(), 10u);
}

TEST_F(PictureReaderTest, AFileWithoutPicturesHasNone) {
  const std::string file = make("sound.flac", "-f lavfi -i sine=duration=1");
  PictureReader reader(file);
  EXPECT_FALSE(reader.has_pictures());
  EXPECT_TRUE(all(reader).empty());
}

TEST_F(PictureReaderTest, WhatIsNoMediaFileIsRefused) {
  EXPECT_EQ(test::thrown_message([] { PictureReader reader("/nowhere/film.mp4"); }),
            "/nowhere/film.mp4: there is no such file");
}

}  // namespace
}  // namespace vedette::daemon::files
