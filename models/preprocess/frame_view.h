#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace vedette::models::preprocess {

enum class PixelFormat : std::uint8_t {
  kI420,  // planes Y [height], U and V [ceil(height / 2)] of ceil(width / 2) samples
  kNv12,  // planes Y [height], UV [ceil(height / 2)] of ceil(width / 2) interleaved pairs
  kRgb,   // one plane, 3 bytes a pixel
};

// How Y'CbCr becomes R'G'B' (ITU-T H.273, MatrixCoefficients). Ignored for kRgb.
enum class ColorMatrix : std::uint8_t { kBt601, kBt709, kBt2020 };
// kLimited: luma 16-235, chroma 16-240. kFull: 0-255. Ignored for kRgb.
enum class ColorRange : std::uint8_t { kLimited, kFull };

// A decoded 8-bit picture, borrowed. What both roads, GStreamer and FFmpeg, hand over. Rows are top down and
// of square pixels; rotation, 10 bits and alpha are resolved by the decoder's side.
struct FrameView {
  PixelFormat format = PixelFormat::kI420;
  int width = 0, height = 0;
  std::array<std::span<const std::uint8_t>, 3> planes{};  // unused ones are empty
  std::array<int, 3> strides{};                           // bytes from one row to the next
  ColorMatrix matrix = ColorMatrix::kBt601;
  ColorRange range = ColorRange::kLimited;
};

}  // namespace vedette::models::preprocess
