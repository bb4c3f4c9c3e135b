#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "signals/luma_frame.h"

namespace vedette::signals {

// A picture in its full size, borrowed for the call: luma, or the green of packed pixels, which is most of
// luma.
struct WholePicture {
  std::span<const std::uint8_t> pixels;  // [height, stride]
  int width = 0, height = 0, stride = 0;
  int step = 1;  // bytes from a pixel to its right neighbour

  std::uint8_t at(int x, int y) const {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(stride) +
                  static_cast<std::size_t>(x) * static_cast<std::size_t>(step)];
  }
};

// How bad a picture is, by what is visible in any scene. 0 where it cannot be told.
struct PictureFigures {
  float blur = 0.0F;   // share of the tiles that have contrast in which it does not come in edges, 0 to 1
  float noise = 0.0F;  // standard deviation in levels of 255, in the quietest fifth of the picture
  float blocks =
      0.0F;      // levels by which steps at the borders of a grid are higher than those inside its blocks
  int torn = 0;  // places where a row goes on sideways of the row above it
};

// Measures a stream's pictures one after the other. Not thread-safe; holds samples of the previous picture.
//
// Blur: an edge that is out of focus takes its way over many pixels. Per tile of a small copy, the highest
// step over 2 pixels against the highest over 12 (both of 160): an edge's width by its slope, as Marziliano
// et al., "A no-reference perceptual blur metric", ICIP 2002, but by tiles, so that a sharp clock in a corner
// or a soft background decides nothing. Tiles without contrast, and mere gradients, tell nothing. Noise:
// standard deviation of the blocks that have least of it (Olsen, "Estimation of noise in images: an
// evaluation", CVGIP 1993), each the less of that in the block and that of what changed since the previous
// picture: texture stays, and what moves is somewhere else. Blocks: mean step along the columns and rows of
// the grid that shows most, against that inside its blocks (Wang, Sheikh, Bovik, "No-reference perceptual
// quality assessment of JPEG compressed images", ICIP 2002), for periods of 6 pixels upwards, as cameras
// scale what they compressed; it must show in both directions and at nearly all borders. Torn: rows unlike
// the row above them, which are like it once shifted.
class PictureMeasures {
 public:
  // `small`: the same picture as SmallLuma makes it. About 0.5 ms for 1920x1080.
  // Throws: std::invalid_argument when pixels do not cover the size that a picture claims.
  PictureFigures measure(const WholePicture& picture, const LumaFrame& small);
  // Other pictures follow: nothing is compared with the one before.
  void forget();

 private:
  float noise(const WholePicture& picture);
  void take_profiles(const WholePicture& picture);
  int torn(const WholePicture& picture);

  std::vector<std::uint8_t> blocks_, fresh_;  // [blocks, 64] sampled from the previous picture, from this one
  int width_ = 0, height_ = 0;                // of the previous picture
  std::deque<float> noises_;                  // of the last looks
  std::vector<float> columns_, rows_;         // [width - 1], [height - 1] mean step from one to the next
  std::vector<std::uint8_t> line_;            // one row
  std::vector<float> values_;                 // scratch
};

}  // namespace vedette::signals
