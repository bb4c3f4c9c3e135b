#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vedette::signals {

// A grey picture, borrowed for the call. What is looked at is small: 64 to 160 pixels wide is enough.
struct LumaFrame {
  std::span<const std::uint8_t> pixels;  // [height, stride]; the first `width` of each row count
  int width = 0, height = 0, stride = 0;
};

// Throws: std::invalid_argument when the pixels do not cover the size that the frame claims.
void require_complete(const LumaFrame& frame);

// Row `y` of a complete frame.
std::span<const std::uint8_t> row_of(const LumaFrame& frame, int y);

// Makes the small grey picture that is looked at out of a decoded one, by averaging boxes. Reads a few rows
// of each box only: 0.2 ms for 1920x1080. Holds the result's memory; not thread-safe.
class SmallLuma {
 public:
  static constexpr int kLongest =
      160;  // pixels of the result's longer side; smaller pictures stay as they are

  // The result is valid until the next call. Throws: std::invalid_argument as require_complete.
  LumaFrame shrink(const LumaFrame& picture);
  // As `shrink`, of packed red, green, blue bytes; `stride` bytes from row to row.
  LumaFrame shrink_rgb(std::span<const std::uint8_t> pixels, int width, int height, int stride);

 private:
  LumaFrame shrink(std::span<const std::uint8_t> pixels, int width, int height, int stride, int channels);

  std::vector<std::uint16_t> row_;    // sums of a box's rows, [width, channels]
  std::vector<std::uint8_t> pixels_;  // the result
};

}  // namespace vedette::signals
