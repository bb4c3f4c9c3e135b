#include "models/preprocess/picture_resize.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "models/preprocess/resample_kernels.h"

namespace vedette::models::preprocess {

namespace {

using backend::ComputeContext;
using backend::FunctionRef;

constexpr int kMostPixels = 16384;  // of one side
constexpr std::int64_t kRowsPerTask = 8;

std::string size_text(int width, int height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

int half_up(int value) {
  return (value + 1) / 2;
}

std::int64_t padded(int values) {
  return (values + kRowSlack + 15) / 16 * 16;
}

// R' = Y' + a Cr and so on, from the luma weights of red and blue (ITU-T H.273, table 4).
ColorTerms color_terms(ColorMatrix matrix, ColorRange range) {
  const float kr = matrix == ColorMatrix::kBt709    ? 0.2126F
                   : matrix == ColorMatrix::kBt2020 ? 0.2627F
                                                    : 0.299F;
  const float kb = matrix == ColorMatrix::kBt709    ? 0.0722F
                   : matrix == ColorMatrix::kBt2020 ? 0.0593F
                                                    : 0.114F;
  const float kg = 1.0F - kr - kb;
  const bool limited = range == ColorRange::kLimited;
  const float chroma = limited ? 255.0F / 224.0F : 1.0F;
  return {.luma_offset = limited ? 16.0F : 0.0F,
          .luma_gain = limited ? 255.0F / 219.0F : 1.0F,
          .red_cr = chroma * 2.0F * (1.0F - kr),
          .green_cb = -chroma * 2.0F * (1.0F - kb) * kb / kg,
          .green_cr = -chroma * 2.0F * (1.0F - kr) * kr / kg,
          .blue_cb = chroma * 2.0F * (1.0F - kb)};
}

// The rows of a plane that output `i` is made of.
std::span<const std::uint8_t*> rows_of(std::span<const std::uint8_t*> pointers, const ResampleTable& table,
                                       int i, const std::uint8_t* base, std::int64_t stride, int origin) {
  const auto index = static_cast<std::size_t>(i);
  const auto taps = static_cast<std::size_t>(table.taps[index]);
  for (std::size_t tap = 0; tap < taps; ++tap) {
    pointers[tap] = base + (table.first[index] - origin + static_cast<std::int64_t>(tap)) * stride;
  }
  return pointers.first(taps);
}

const float* factors_of(const ResampleTable& table, int i) {
  return table.factors.data() + static_cast<std::int64_t>(i) * table.stride;
}

}  // namespace

void check_frame(const FrameView& frame) {
  if (frame.width < 1 || frame.height < 1 || frame.width > kMostPixels || frame.height > kMostPixels) {
    throw std::invalid_argument("a frame of " + size_text(frame.width, frame.height) +
                                ": expected sides of 1 to " + std::to_string(kMostPixels));
  }
  const int half_width = half_up(frame.width), half_height = half_up(frame.height);
  const auto check = [&](std::size_t plane, int row_bytes, int rows) {
    const auto stride = static_cast<std::size_t>(std::max(frame.strides[plane], 0));
    const std::size_t needed =
        stride * static_cast<std::size_t>(rows - 1) + static_cast<std::size_t>(row_bytes);
    if (stride >= static_cast<std::size_t>(row_bytes) && frame.planes[plane].size() >= needed) return;
    throw std::invalid_argument("plane " + std::to_string(plane) + " of a " +
                                size_text(frame.width, frame.height) + " frame: expected " +
                                std::to_string(rows) + " rows of " + std::to_string(row_bytes) +
                                " bytes, received " + std::to_string(frame.planes[plane].size()) +
                                " bytes with a stride of " + std::to_string(frame.strides[plane]));
  };
  switch (frame.format) {
    case PixelFormat::kRgb: check(0, 3 * frame.width, frame.height); break;
    case PixelFormat::kNv12:
      check(0, frame.width, frame.height);
      check(1, 2 * half_width, half_height);
      break;
    case PixelFormat::kI420:
      check(0, frame.width, frame.height);
      check(1, half_width, half_height);
      check(2, half_width, half_height);
      break;
  }
}

PictureResize::PictureResize(PixelFormat format, int width, int height, int to_width, int to_height,
                             Window window, Filter filter)
    : format_(format), width_(width), height_(height), window_(window) {
  const auto in_range = [](int side) { return side >= 1 && side <= kMostPixels; };
  if (!in_range(width) || !in_range(height) || !in_range(to_width) || !in_range(to_height)) {
    throw std::invalid_argument("resize of " + size_text(width, height) + " to " +
                                size_text(to_width, to_height) + ": expected sides of 1 to " +
                                std::to_string(kMostPixels));
  }
  if (window.left < 0 || window.top < 0 || window.width < 1 || window.height < 1 ||
      window.left > to_width - window.width || window.top > to_height - window.height) {
    throw std::invalid_argument("resize to " + size_text(to_width, to_height) +
                                ": the window is outside the picture");
  }
  Axis across{.from = width, .to = to_width, .first = window.left, .count = window.width};
  Axis down{.from = height, .to = to_height, .first = window.top, .count = window.height};
  columns_ = make_resample_table(filter, across);
  rows_ = make_resample_table(filter, down);
  if (format == PixelFormat::kRgb) return;
  across.samples = half_up(width);
  down.samples = half_up(height);
  across.step = down.step = 0.5;
  across.shift = 0.25;  // a chroma sample stands where the even luma sample does, not between two
  chroma_columns_ = make_resample_table(filter, across);
  chroma_rows_ = make_resample_table(filter, down);
}

void PictureResize::run(ComputeContext& context, const FrameView& frame,
                        FunctionRef<void(int, const RowView&)> row) const {
  if (!fits(frame.format, frame.width, frame.height)) {
    throw std::invalid_argument("resize: expected a frame of " + size_text(width_, height_) + ", received " +
                                size_text(frame.width, frame.height) + " or another format");
  }
  check_frame(frame);
  const backend::ScratchScope scope(context.scratch());
  if (format_ == PixelFormat::kRgb) {
    run_rgb(context, frame, row);
  } else {
    run_yuv(context, frame, row);
  }
}

// Columns first, into 8-bit rows of red, green and blue; then rows.
void PictureResize::run_rgb(ComputeContext& context, const FrameView& frame,
                            FunctionRef<void(int, const RowView&)> row) const {
  const int first = rows_.first_sample(), count = rows_.end_sample() - first;
  const int origin = columns_.first_sample(), pixels = columns_.end_sample() - origin;
  const std::int64_t narrow = padded(window_.width), wide = padded(pixels + columns_.reach);
  const auto between = context.array<std::uint8_t>(count * 3 * narrow + kRowSlack);
  const std::int64_t tasks = (count + kRowsPerTask - 1) / kRowsPerTask;
  const auto planes = context.array<std::int16_t>(tasks * 3 * wide);
  context.parallel_for(count, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
    std::int16_t* split = planes.data() + begin / kRowsPerTask * 3 * wide;
    std::fill_n(split, 3 * wide, std::int16_t{0});
    for (std::int64_t y = begin; y < end; ++y) {
      const std::uint8_t* src = frame.planes[0].data() + (first + y) * frame.strides[0] + 3 * origin;
      split_rgb(src, pixels, split, wide);
      for (int c = 0; c < 3; ++c) {
        resample_row(columns_, split + c * wide, origin, between.data() + (3 * y + c) * narrow);
      }
    }
  });
  const std::int64_t blocks = (window_.height + kRowsPerTask - 1) / kRowsPerTask;
  const auto sums = context.array<float>(blocks * 3 * narrow);
  const auto pointers = context.array<const std::uint8_t*>(blocks * rows_.stride);
  context.parallel_for(window_.height, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t block = begin / kRowsPerTask;
    float* out = sums.data() + block * 3 * narrow;
    const auto list = pointers.subspan(static_cast<std::size_t>(block * rows_.stride),
                                       static_cast<std::size_t>(rows_.stride));
    for (int y = static_cast<int>(begin); y < end; ++y) {
      const std::int16_t* weights = rows_.weights.data() + static_cast<std::int64_t>(y) * rows_.stride;
      for (int c = 0; c < 3; ++c) {
        const auto lines = rows_of(list, rows_, y, between.data() + c * narrow, 3 * narrow, first);
        blend_rows(lines.data(), weights, static_cast<int>(lines.size()), rows_.precision, window_.width,
                   out + c * narrow);
      }
      row(y, {out, out + narrow, out + 2 * narrow});
    }
  });
}

// Rows first, as whole rows are the cheapest to add up; then columns, then colour.
void PictureResize::run_yuv(ComputeContext& context, const FrameView& frame,
                            FunctionRef<void(int, const RowView&)> row) const {
  const bool pairs = format_ == PixelFormat::kNv12;
  const ColorTerms terms = color_terms(frame.matrix, frame.range);
  const int origin = columns_.first_sample(), pixels = columns_.end_sample() - origin;
  const int chroma_origin = chroma_columns_.first_sample();
  const int chroma_pixels = chroma_columns_.end_sample() - chroma_origin;
  const std::int64_t wide = padded(std::max(pixels, 2 * chroma_pixels) + columns_.reach);
  const std::int64_t narrow = padded(window_.width);
  const std::int64_t most_taps = std::max(rows_.stride, chroma_rows_.stride);
  const std::int64_t blocks = (window_.height + kRowsPerTask - 1) / kRowsPerTask;
  const std::int64_t floats = 3 * wide + 3 * narrow;
  const auto memory = context.array<float>(blocks * floats);
  const auto pointers = context.array<const std::uint8_t*>(blocks * most_taps);
  context.parallel_for(window_.height, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t block = begin / kRowsPerTask;
    float* sums = memory.data() + block * floats;
    float* out = sums + 3 * wide;
    std::fill_n(sums, 3 * wide, 0.0F);
    const auto list =
        pointers.subspan(static_cast<std::size_t>(block * most_taps), static_cast<std::size_t>(most_taps));
    const auto blend = [&](std::size_t plane, const ResampleTable& table, int y, int from, int length,
                           float* sum) {
      const auto lines = rows_of(list, table, y, frame.planes[plane].data() + from, frame.strides[plane], 0);
      blend_rows_finely(lines.data(), factors_of(table, y), static_cast<int>(lines.size()), length, sum);
    };
    for (int y = static_cast<int>(begin); y < end; ++y) {
      blend(0, rows_, y, origin, pixels, sums);
      resample_row_finely(columns_, sums, origin, out);
      if (pairs) {
        blend(1, chroma_rows_, y, 2 * chroma_origin, 2 * chroma_pixels, sums);
        split_pairs(sums, chroma_pixels, sums + wide, sums + 2 * wide);
      } else {
        blend(1, chroma_rows_, y, chroma_origin, chroma_pixels, sums + wide);
        blend(2, chroma_rows_, y, chroma_origin, chroma_pixels, sums + 2 * wide);
      }
      resample_row_finely(chroma_columns_, sums + wide, chroma_origin, out + narrow);
      resample_row_finely(chroma_columns_, sums + 2 * wide, chroma_origin, out + 2 * narrow);
      to_rgb_row(terms, window_.width, out, out + narrow, out + 2 * narrow);
      row(y, {out, out + narrow, out + 2 * narrow});
    }
  });
}

}  // namespace vedette::models::preprocess
