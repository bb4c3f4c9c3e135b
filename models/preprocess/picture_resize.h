#pragma once

#include <vector>

#include "models/backend/context.h"
#include "models/preprocess/frame_view.h"
#include "models/preprocess/resample_table.h"

namespace vedette::models::preprocess {

// A rectangle of a resized picture.
struct Window {
  int left = 0, top = 0, width = 0, height = 0;
};

// One row of a resized picture: red, green and blue, 0 to 255, `width` values each.
struct RowView {
  const float *red, *green, *blue;
};

// Resizes pictures of one format and size to another size, or a window of it, row by row, without making a
// picture of either size in between. RGB gives exactly the 8-bit values of torchvision's resize (columns
// first, 8 bits between the passes). Planes of luma and chroma are resized as they are and turned into RGB
// afterwards, without rounding to 8 bits; chroma is taken to lie left horizontally and centred vertically
// (H.264's default). Immutable: any thread may run it, each in its own context.
class PictureResize {
 public:
  // Throws: std::invalid_argument for sizes outside 1 to 16384, or a window outside the picture.
  PictureResize(PixelFormat format, int width, int height, int to_width, int to_height, Window window,
                Filter filter);

  // Calls `row(index, values)` once for each row of the window, from several threads at once.
  // Throws: std::invalid_argument when the frame is not of the format and size, or its planes are too short.
  void run(backend::ComputeContext& context, const FrameView& frame,
           backend::FunctionRef<void(int, const RowView&)> row) const;

  bool fits(PixelFormat format, int width, int height) const {
    return format == format_ && width == width_ && height == height_;
  }

 private:
  void run_rgb(backend::ComputeContext& context, const FrameView& frame,
               backend::FunctionRef<void(int, const RowView&)> row) const;
  void run_yuv(backend::ComputeContext& context, const FrameView& frame,
               backend::FunctionRef<void(int, const RowView&)> row) const;

  PixelFormat format_;
  int width_, height_;
  Window window_;
  ResampleTable columns_, rows_;                // of RGB, or of luma
  ResampleTable chroma_columns_, chroma_rows_;  // unused for RGB
};

// Throws: std::invalid_argument when a plane is shorter than its rows need, or the size is out of range.
void check_frame(const FrameView& frame);

}  // namespace vedette::models::preprocess
