#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "models/runtime/image_encoding.h"

namespace vedette::tests {

// A picture of one colour that owns its memory.
inline models::runtime::ImageFrame plain_picture(int width, int height, std::uint8_t red, std::uint8_t green,
                                                 std::uint8_t blue) {
  auto pixels = std::make_shared<std::vector<std::uint8_t>>();
  for (int i = 0; i < width * height; ++i) pixels->insert(pixels->end(), {red, green, blue});
  models::runtime::ImageFrame picture;
  picture.view.format = models::preprocess::PixelFormat::kRgb;
  picture.view.width = width;
  picture.view.height = height;
  picture.view.planes[0] = *pixels;
  picture.view.strides[0] = 3 * width;
  picture.owner = std::move(pixels);
  return picture;
}

}  // namespace vedette::tests
