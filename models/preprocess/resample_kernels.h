#pragma once

#include <cstdint>

#include "models/preprocess/resample_table.h"

// The inner loops of a resize, for the instruction set found at run time. Single-threaded; nothing allocates.
namespace vedette::models::preprocess {

// Values that a kernel may read or write past the end of a row, rows of a frame excepted: buffers are that
// much longer.
inline constexpr int kRowSlack = 128;

// `pixels` interleaved RGB pixels as three rows of `stride` values each.
void split_rgb(const std::uint8_t* rgb, int pixels, std::int16_t* planes, std::int64_t stride);

// out[i] = the table's weights by row, rounded and clamped to 8 bits. `row` starts at sample `origin`.
void resample_row(const ResampleTable& table, const std::int16_t* row, int origin, std::uint8_t* out);

// out = the weights by rows of 8-bit samples, rounded and clamped to 8 bits. rows: [taps], `length` each.
void blend_rows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int precision,
                int length, float* out);

// As blend_rows without rounding to 8 bits; each product is rounded to 1/64.
void blend_rows_finely(const std::uint8_t* const* rows, const float* factors, int taps, int length,
                       float* out);

// Interleaved pairs as two rows of `count` values.
void split_pairs(const float* pairs, int count, float* first, float* second);

// out[i] = the table's factors by row, whose first value is sample `origin`.
void resample_row_finely(const ResampleTable& table, const float* row, int origin, float* out);

// Rows of Y'CbCr 0-255 as R'G'B' 0-255, clamped: luma' = (luma - offset) * gain, chroma likewise.
struct ColorTerms {
  float luma_offset, luma_gain;
  float red_cr, green_cb, green_cr, blue_cb;  // chroma's gains, range included
};
void to_rgb_row(const ColorTerms& terms, int count, float* y_red, float* cb_green, float* cr_blue);

// out = x * gain + bias.
void scale_values(const float* x, int count, float gain, float bias, float* out);

}  // namespace vedette::models::preprocess
