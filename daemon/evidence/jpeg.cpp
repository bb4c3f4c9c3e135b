#include "daemon/evidence/jpeg.h"

#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace vedette::daemon::evidence {

using models::preprocess::ColorMatrix;
using models::preprocess::ColorRange;
using models::preprocess::FrameView;
using models::preprocess::PixelFormat;

namespace {

struct EndCompressor {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Compressor = std::unique_ptr<void, EndCompressor>;
struct FreeJpeg {
  void operator()(unsigned char* bytes) const { tjFree(bytes); }
};

// Y'CbCr to R'G'B' in steps of 1/65536 (ITU-T H.273, 8.3: Kr and Kb of each matrix).
struct Terms {
  int luma_zero, luma, red_cr, green_cb, green_cr, blue_cb;
};

Terms terms_of(ColorMatrix matrix, ColorRange range) {
  const double kr = matrix == ColorMatrix::kBt601 ? 0.299 : matrix == ColorMatrix::kBt709 ? 0.2126 : 0.2627;
  const double kb = matrix == ColorMatrix::kBt601 ? 0.114 : matrix == ColorMatrix::kBt709 ? 0.0722 : 0.0593;
  const double kg = 1.0 - kr - kb;
  const bool limited = range == ColorRange::kLimited;
  const double luma = limited ? 255.0 / 219.0 : 1.0;
  const double chroma = limited ? 255.0 / 224.0 : 1.0;
  const auto fixed = [](double value) { return static_cast<int>(std::lround(value * 65536.0)); };
  return {limited ? 16 : 0,
          fixed(luma),
          fixed(chroma * 2.0 * (1.0 - kr)),
          fixed(chroma * 2.0 * (1.0 - kb) * kb / kg),
          fixed(chroma * 2.0 * (1.0 - kr) * kr / kg),
          fixed(chroma * 2.0 * (1.0 - kb))};
}

// A row of a picture whose chroma samples stand `step` bytes apart.
void row_to_rgb(const Terms& terms, const std::uint8_t* luma, const std::uint8_t* cb, const std::uint8_t* cr,
                int step, int width, std::uint8_t* rgb) {
  const auto byte = [](int value) { return static_cast<std::uint8_t>(std::clamp(value >> 16, 0, 255)); };
  for (int x = 0; x < width; ++x) {
    const int y = (luma[x] - terms.luma_zero) * terms.luma + 32768;
    const int u = cb[x / 2 * step] - 128;
    const int v = cr[x / 2 * step] - 128;
    rgb[3 * x] = byte(y + v * terms.red_cr);
    rgb[3 * x + 1] = byte(y - u * terms.green_cb - v * terms.green_cr);
    rgb[3 * x + 2] = byte(y + u * terms.blue_cb);
  }
}

void check_plane(const FrameView& picture, std::size_t plane, int rows, int row_bytes) {
  const std::size_t stride = static_cast<std::size_t>(std::max(0, picture.strides[plane]));
  const auto row = static_cast<std::size_t>(row_bytes);
  if (stride < row || picture.planes[plane].size() < stride * static_cast<std::size_t>(rows - 1) + row) {
    throw std::invalid_argument("picture: plane " + std::to_string(plane) + " of " +
                                std::to_string(picture.width) + " x " + std::to_string(picture.height) +
                                " holds " + std::to_string(picture.planes[plane].size()) +
                                " bytes in rows of " + std::to_string(picture.strides[plane]));
  }
}

void check(const FrameView& picture) {
  constexpr int kMostPixels = 65500;  // of a side: libjpeg's JPEG_MAX_DIMENSION
  if (picture.width < 1 || picture.height < 1 || picture.width > kMostPixels ||
      picture.height > kMostPixels) {
    throw std::invalid_argument("picture: " + std::to_string(picture.width) + " x " +
                                std::to_string(picture.height) + " is no size for a JPEG");
  }
  const int half_rows = (picture.height + 1) / 2, half_row = (picture.width + 1) / 2;
  if (picture.format == PixelFormat::kRgb) return check_plane(picture, 0, picture.height, 3 * picture.width);
  check_plane(picture, 0, picture.height, picture.width);
  if (picture.format == PixelFormat::kNv12) return check_plane(picture, 1, half_rows, 2 * half_row);
  check_plane(picture, 1, half_rows, half_row);
  check_plane(picture, 2, half_rows, half_row);
}

std::vector<std::uint8_t> to_rgb(const FrameView& picture) {
  const Terms terms = terms_of(picture.matrix, picture.range);
  const auto row_bytes = static_cast<std::size_t>(picture.width) * 3;
  std::vector<std::uint8_t> rgb(row_bytes * static_cast<std::size_t>(picture.height));
  const bool pairs = picture.format == PixelFormat::kNv12;
  const auto row_of = [&](std::size_t plane, int row) {
    return picture.planes[plane].data() + static_cast<std::ptrdiff_t>(row) * picture.strides[plane];
  };
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* cb = row_of(1, y / 2);
    const std::uint8_t* cr = pairs ? cb + 1 : row_of(2, y / 2);
    row_to_rgb(terms, row_of(0, y), cb, cr, pairs ? 2 : 1, picture.width,
               rgb.data() + static_cast<std::size_t>(y) * row_bytes);
  }
  return rgb;
}

}  // namespace

std::string encode_jpeg(const FrameView& picture, int quality) {
  check(picture);
  const Compressor compressor(tjInitCompress());
  if (!compressor) throw std::runtime_error(std::string("tjInitCompress: ") + tjGetErrorStr2(nullptr));
  std::vector<std::uint8_t> converted;
  const std::uint8_t* rgb = picture.planes[0].data();
  int stride = picture.strides[0];
  if (picture.format != PixelFormat::kRgb) {
    converted = to_rgb(picture);
    rgb = converted.data();
    stride = 3 * picture.width;
  }
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const int failed = tjCompress2(compressor.get(), rgb, picture.width, stride, picture.height, TJPF_RGB,
                                 &bytes, &size, TJSAMP_420, quality, TJFLAG_FASTDCT);
  const std::unique_ptr<unsigned char, FreeJpeg> owner(bytes);
  if (failed != 0) throw std::runtime_error(std::string("tjCompress2: ") + tjGetErrorStr2(compressor.get()));
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace vedette::daemon::evidence
