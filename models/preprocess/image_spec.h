#pragma once

#include <array>
#include <vector>

#include "models/preprocess/picture_resize.h"

namespace vedette::models::preprocess {

struct ImageSize {
  int width = 0, height = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

// What a model's image processor does to a picture; config keys of preprocessor_config.json in the comments.
struct ImageSpec {
  // What `size` asks for. kShortestEdge and kLongestEdge keep the aspect ratio (kLongestEdge: Idefics3's
  // rule).
  enum class Sizing { kNone, kExact, kShortestEdge, kLongestEdge };

  Sizing sizing = Sizing::kExact;    // kNone: do_resize is false
  ImageSize size{224, 224};          // of kExact
  int edge = 224;                    // of the two others
  Filter filter = Filter::kBicubic;  // resample
  bool crop = false;                 // do_center_crop
  ImageSize crop_size{224, 224};
  // max_image_size: the side of Idefics3's tiles, to which every picture is brought at last; 0: none.
  int tile = 0;
  bool split = false;  // do_image_splitting: several tiles, and the whole picture as the last one
  // (value * scale - mean) / deviation
  float scale = 1.0F / 255.0F;                  // rescale_factor; 1: do_rescale is false
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};  // image_mean; 0: do_normalize is false
  std::array<float, 3> deviation{1.0F, 1.0F, 1.0F};
};

// The size to which the first resize brings a picture.
ImageSize resized_size(const ImageSpec& spec, ImageSize picture);

// Idefics3: the size, in whole tiles, to which a resized picture is brought before it is cut.
ImageSize tiled_size(const ImageSpec& spec, ImageSize resized);

// How Idefics3 cuts a picture: rows x columns tiles and then the whole picture; 0 x 0: the whole alone.
struct TileGrid {
  int rows = 0, columns = 0;
  int pictures() const { return rows * columns + 1; }
  friend bool operator==(const TileGrid&, const TileGrid&) = default;
};
TileGrid tile_grid(const ImageSpec& spec, ImageSize picture);

// The size of each picture that comes out: tiles all have one size.
ImageSize output_size(const ImageSpec& spec, ImageSize picture);

}  // namespace vedette::models::preprocess
