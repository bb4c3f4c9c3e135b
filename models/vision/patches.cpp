#include "models/vision/patches.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace vedette::models::vision {

void cut_patches(std::span<const float> pixels, int channels, int height, int width, int patch,
                 backend::Matrix y) {
  const int rows = height / patch, columns = width / patch;
  const std::int64_t values = static_cast<std::int64_t>(channels) * patch * patch;
  if (static_cast<std::int64_t>(pixels.size()) != static_cast<std::int64_t>(channels) * height * width ||
      y.rows != static_cast<std::int64_t>(rows) * columns || y.columns != values) {
    throw std::invalid_argument("cut_patches: expected " + std::to_string(rows) + " x " +
                                std::to_string(columns) + " patches of " + std::to_string(values) +
                                " values, received room for [" + std::to_string(y.rows) + ", " +
                                std::to_string(y.columns) + "]");
  }
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      float* out = y.row(static_cast<std::int64_t>(row) * columns + column);
      for (int c = 0; c < channels; ++c) {
        for (int line = 0; line < patch; ++line, out += patch) {
          const std::int64_t at = (static_cast<std::int64_t>(c) * height + row * patch + line) * width;
          std::copy_n(pixels.data() + at + static_cast<std::int64_t>(column) * patch, patch, out);
        }
      }
    }
  }
}

}  // namespace vedette::models::vision
