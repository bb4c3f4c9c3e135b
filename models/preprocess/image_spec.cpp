#include "models/preprocess/image_spec.h"

#include <algorithm>
#include <cmath>

namespace vedette::models::preprocess {

namespace {

constexpr int kGreatestSide = 4096;  // transformers' MAX_IMAGE_SIZE of Idefics3

int whole_tiles(int side, int tile) {
  return (side + tile - 1) / tile * tile;
}

// transformers' get_resize_output_image_size: the shorter side becomes `edge`.
ImageSize by_shortest_edge(ImageSize picture, int edge) {
  const int shorter = std::min(picture.width, picture.height),
            longer = std::max(picture.width, picture.height);
  const int other = static_cast<int>(static_cast<double>(edge) * longer / shorter);
  return picture.width <= picture.height ? ImageSize{edge, other} : ImageSize{other, edge};
}

// Idefics3's: the longer side becomes `edge`, the other an even number; then both are brought below 4096.
ImageSize by_longest_edge(ImageSize picture, int edge) {
  const double ratio = static_cast<double>(picture.width) / picture.height;
  ImageSize size;
  if (picture.width >= picture.height) {
    size = {edge, static_cast<int>(edge / ratio)};
    size.height += size.height % 2;
  } else {
    size = {static_cast<int>(edge * ratio), edge};
    size.width += size.width % 2;
  }
  size = {std::max(size.width, 1), std::max(size.height, 1)};
  const double reached = static_cast<double>(size.width) / size.height;
  if (size.width >= size.height && size.width > kGreatestSide) {
    size = {kGreatestSide, static_cast<int>(kGreatestSide / reached)};
  } else if (size.height > size.width && size.height > kGreatestSide) {
    size = {static_cast<int>(kGreatestSide * reached), kGreatestSide};
  }
  return {std::max(size.width, 1), std::max(size.height, 1)};
}

}  // namespace

ImageSize resized_size(const ImageSpec& spec, ImageSize picture) {
  switch (spec.sizing) {
    case ImageSpec::Sizing::kNone: return picture;
    case ImageSpec::Sizing::kExact: return spec.size;
    case ImageSpec::Sizing::kShortestEdge: return by_shortest_edge(picture, spec.edge);
    case ImageSpec::Sizing::kLongestEdge: return by_longest_edge(picture, spec.edge);
  }
  return picture;
}

ImageSize tiled_size(const ImageSpec& spec, ImageSize resized) {
  const double ratio = static_cast<double>(resized.width) / resized.height;
  if (resized.width >= resized.height) {
    const int width = whole_tiles(resized.width, spec.tile);
    return {width, std::max(whole_tiles(static_cast<int>(width / ratio), spec.tile), spec.tile)};
  }
  const int height = whole_tiles(resized.height, spec.tile);
  return {std::max(whole_tiles(static_cast<int>(height * ratio), spec.tile), spec.tile), height};
}

TileGrid tile_grid(const ImageSpec& spec, ImageSize picture) {
  if (spec.tile == 0 || !spec.split) return {};
  const ImageSize size = tiled_size(spec, resized_size(spec, picture));
  if (size.width <= spec.tile && size.height <= spec.tile) return {};
  return {size.height / spec.tile, size.width / spec.tile};
}

ImageSize output_size(const ImageSpec& spec, ImageSize picture) {
  if (spec.tile > 0) return {spec.tile, spec.tile};
  return spec.crop ? spec.crop_size : resized_size(spec, picture);
}

}  // namespace vedette::models::preprocess
