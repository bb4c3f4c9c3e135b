#include "signals/luma_frame.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace vedette::signals {

namespace {

constexpr int kRowsOfABox = 4;  // read at most; neighbouring rows say much the same

void require_rows(std::span<const std::uint8_t> pixels, int width, int height, int stride, int channels) {
  const bool sound = width > 0 && height > 0 && stride >= width * channels;
  const std::size_t needed = sound ? static_cast<std::size_t>(stride) * static_cast<std::size_t>(height - 1) +
                                         static_cast<std::size_t>(width) * static_cast<std::size_t>(channels)
                                   : 0;
  if (sound && pixels.size() >= needed) return;
  throw std::invalid_argument("luma frame of " + std::to_string(width) + "x" + std::to_string(height) +
                              ", stride " + std::to_string(stride) + ", needs " + std::to_string(needed) +
                              " bytes, not " + std::to_string(pixels.size()));
}

// ITU-R BT.601 weights in 1/256.
int luma_of(const std::uint32_t* sums) {
  return static_cast<int>((77 * sums[0] + 150 * sums[1] + 29 * sums[2]) >> 8U);
}

}  // namespace

void require_complete(const LumaFrame& frame) {
  require_rows(frame.pixels, frame.width, frame.height, frame.stride, 1);
}

std::span<const std::uint8_t> row_of(const LumaFrame& frame, int y) {
  return frame.pixels.subspan(static_cast<std::size_t>(y) * static_cast<std::size_t>(frame.stride),
                              static_cast<std::size_t>(frame.width));
}

LumaFrame SmallLuma::shrink(const LumaFrame& picture) {
  return shrink(picture.pixels, picture.width, picture.height, picture.stride, 1);
}

LumaFrame SmallLuma::shrink_rgb(std::span<const std::uint8_t> pixels, int width, int height, int stride) {
  return shrink(pixels, width, height, stride, 3);
}

LumaFrame SmallLuma::shrink(std::span<const std::uint8_t> pixels, int width, int height, int stride,
                            int channels) {
  require_rows(pixels, width, height, stride, channels);
  const int longest = std::max({width, height, kLongest});
  const auto scaled = [longest](int side) {
    return std::max(1, static_cast<int>((std::int64_t{side} * kLongest + longest / 2) / longest));
  };
  const int out_width = scaled(width), out_height = scaled(height);
  pixels_.resize(static_cast<std::size_t>(out_width) * static_cast<std::size_t>(out_height));
  row_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(channels));
  std::uint8_t* out = pixels_.data();
  for (int y = 0; y < out_height; ++y) {
    const int top = static_cast<int>(std::int64_t{y} * height / out_height);
    const int bottom = std::max(top + 1, static_cast<int>(std::int64_t{y + 1} * height / out_height));
    const int rows = std::min(bottom - top, kRowsOfABox);
    std::ranges::fill(row_, std::uint16_t{0});
    for (int n = 0; n < rows; ++n) {
      const int source = top + (bottom - top) * (2 * n + 1) / (2 * rows);
      const std::uint8_t* in =
          pixels.data() + static_cast<std::size_t>(source) * static_cast<std::size_t>(stride);
      for (std::size_t i = 0; i < row_.size(); ++i) row_[i] = static_cast<std::uint16_t>(row_[i] + in[i]);
    }
    for (int x = 0; x < out_width; ++x) {
      const int left = static_cast<int>(std::int64_t{x} * width / out_width);
      const int right = std::max(left + 1, static_cast<int>(std::int64_t{x + 1} * width / out_width));
      std::uint32_t sums[3] = {};
      for (int i = left * channels; i < right * channels; ++i) {
        sums[channels == 1 ? 0 : i % 3] += row_[static_cast<std::size_t>(i)];
      }
      const std::uint32_t count = static_cast<std::uint32_t>((right - left) * rows);
      for (std::uint32_t& sum : sums) sum = (sum + count / 2) / count;
      *out++ = static_cast<std::uint8_t>(channels == 1 ? static_cast<int>(sums[0]) : luma_of(sums));
    }
  }
  return {pixels_, out_width, out_height, out_width};
}

}  // namespace vedette::signals
