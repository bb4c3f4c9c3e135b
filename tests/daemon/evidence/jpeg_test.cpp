#include "daemon/evidence/jpeg.h"

#include <gmock/gmock.h>
#include <turbojpeg.h>

#include <array>

#include "tests/support/pictures.h"
#include "tests/support/thrown_message.h"

namespace vedette::daemon::evidence {
namespace {

using models::preprocess::ColorMatrix;
using models::preprocess::ColorRange;
using models::preprocess::FrameView;
using models::preprocess::PixelFormat;
using testing::HasSubstr;

struct Decoded {
  int width = 0, height = 0;
  std::vector<unsigned char> rgb;
  std::array<int, 3> pixel(int x, int y) const {
    const unsigned char* at = rgb.data() + 3 * (y * width + x);
    return {at[0], at[1], at[2]};
  }
};

Decoded decode(const std::string& jpeg) {
  Decoded picture;
  tjhandle handle = tjInitDecompress();
  int sampling = 0, space = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(jpeg.data());
  EXPECT_EQ(
      tjDecompressHeader3(handle, bytes, jpeg.size(), &picture.width, &picture.height, &sampling, &space), 0);
  picture.rgb.resize(static_cast<std::size_t>(3 * picture.width * picture.height));
  EXPECT_EQ(tjDecompress2(handle, bytes, jpeg.size(), picture.rgb.data(), picture.width, 0, picture.height,
                          TJPF_RGB, 0),
            0);
  tjDestroy(handle);
  return picture;
}

void expect_near(const std::array<int, 3>& pixel, const std::array<int, 3>& wanted) {
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(pixel[i], wanted[i], 4) << "channel " << i;
}

// A picture in exactly as many bytes as it needs.
struct Planes {
  std::vector<std::uint8_t> y, u, v;
  FrameView view;
};
Planes yuv(PixelFormat format, int width, int height, std::uint8_t y, std::uint8_t u, std::uint8_t v) {
  Planes planes;
  const auto half = static_cast<std::size_t>((width + 1) / 2 * ((height + 1) / 2));
  planes.y.assign(static_cast<std::size_t>(width * height), y);
  planes.u.assign(half, u);
  planes.v.assign(half, v);
  if (format == PixelFormat::kNv12) {
    planes.u.clear();
    for (std::size_t i = 0; i < half; ++i) planes.u.insert(planes.u.end(), {u, v});
  }
  planes.view.format = format;
  planes.view.width = width;
  planes.view.height = height;
  planes.view.planes = {planes.y, planes.u, planes.v};
  const int chroma = (width + 1) / 2 * (format == PixelFormat::kNv12 ? 2 : 1);
  planes.view.strides = {width, chroma, chroma};
  return planes;
}

TEST(Jpeg, KeepsRgb) {
  const auto picture = tests::plain_picture(17, 9, 200, 30, 90);
  const Decoded decoded = decode(encode_jpeg(picture.view));
  EXPECT_EQ(decoded.width, 17);
  EXPECT_EQ(decoded.height, 9);
  expect_near(decoded.pixel(0, 0), {200, 30, 90});
  expect_near(decoded.pixel(16, 8), {200, 30, 90});
}

// The values of one colour, (200, 30, 90), by ITU-T H.273 for each matrix and range.
TEST(Jpeg, UnderstandsEachMatrixAndRange) {
  struct Case {
    PixelFormat format;
    ColorMatrix matrix;
    ColorRange range;
    std::uint8_t y, u, v;
  };
  for (const Case& one : {Case{PixelFormat::kI420, ColorMatrix::kBt601, ColorRange::kLimited, 91, 129, 198},
                          Case{PixelFormat::kNv12, ColorMatrix::kBt601, ColorRange::kFull, 88, 129, 208},
                          Case{PixelFormat::kI420, ColorMatrix::kBt709, ColorRange::kLimited, 77, 137, 200},
                          Case{PixelFormat::kNv12, ColorMatrix::kBt709, ColorRange::kFull, 70, 139, 210},
                          Case{PixelFormat::kI420, ColorMatrix::kBt2020, ColorRange::kFull, 78, 134, 211}}) {
    Planes planes = yuv(one.format, 5, 3, one.y, one.u, one.v);
    planes.view.matrix = one.matrix;
    planes.view.range = one.range;
    SCOPED_TRACE(static_cast<int>(one.matrix) * 2 + static_cast<int>(one.range));
    const Decoded decoded = decode(encode_jpeg(planes.view));
    expect_near(decoded.pixel(0, 0), {200, 30, 90});
    expect_near(decoded.pixel(4, 2), {200, 30, 90});
  }
}

TEST(Jpeg, RefusesAViewThatHoldsLessThanItSays) {
  Planes planes = yuv(PixelFormat::kI420, 6, 4, 0, 0, 0);
  planes.view.height = 5;
  EXPECT_THAT(test::thrown_message([&] { encode_jpeg(planes.view); }),
              HasSubstr("plane 0 of 6 x 5 holds 24"));
  planes.view.height = 4;
  planes.view.planes[2] = {};
  EXPECT_THAT(test::thrown_message([&] { encode_jpeg(planes.view); }), HasSubstr("plane 2"));
  planes.view.width = 0;
  EXPECT_THAT(test::thrown_message([&] { encode_jpeg(planes.view); }), HasSubstr("0 x 4 is no size"));
}

}  // namespace
}  // namespace vedette::daemon::evidence
