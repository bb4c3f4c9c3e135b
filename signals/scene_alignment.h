#pragma once

// How a picture differs from another as a whole: moved, or lit differently. Private to signals/.
namespace cv {
class Mat;
}

namespace vedette::signals {

struct Shift {
  float x = 0.0F, y = 0.0F;  // of `now` against `then`, pixels
  bool sure = false;         // moved so, the two are alike
};

// Both [height, width] f32. No shift where most of the picture is the same; else phase correlation, refined
// by gradients, and accepted only where it makes the pictures more alike.
Shift shift_between(const cv::Mat& then, const cv::Mat& now);

// `picture` moved back by `shift`; its border is repeated.
void undo_shift(const cv::Mat& picture, const Shift& shift, cv::Mat& out);

struct Exposure {
  float gain = 1.0F, offset = 0.0F;  // now = gain * then + offset, for most of the picture
  float level = 0.0F;                // now - then, mean of the blocks that follow it
  float share = 1.0F;                // of the blocks, those that follow it
};

// Robust fit over 8x8 blocks: what covers a part of the picture does not sway it.
Exposure exposure_between(const cv::Mat& then, const cv::Mat& now);

// Share of the picture's textured 16x15-ish blocks whose structure is the same whatever the light; 1 where
// there is no texture.
float alike_structure(const cv::Mat& then, const cv::Mat& now);

}  // namespace vedette::signals
