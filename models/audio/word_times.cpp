#include "models/audio/word_times.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

namespace vedette::models::audio {

void median_filter_rows(std::span<float> values, std::int64_t rows, std::int64_t columns, int width) {
  constexpr std::size_t kMaxWidth = 255;
  const std::int64_t half = width / 2;
  assert(width % 2 == 1 && static_cast<std::size_t>(width) <= kMaxWidth);
  if (columns <= half) return;
  std::array<float, kMaxWidth> before;  // the last `half` values as they were, and the window
  std::array<float, kMaxWidth> window;
  std::array<float, kMaxWidth> sorted;
  for (std::int64_t r = 0; r < rows; ++r) {
    float* row = values.data() + r * columns;
    const auto original = [&](std::int64_t c) {  // of columns at or after the one being written
      return row[c < columns ? c : 2 * (columns - 1) - c];
    };
    // Past the right end the reflection looks back at columns that may have been overwritten: keep the last
    // ones.
    std::array<float, kMaxWidth> tail;
    for (std::int64_t k = 0; k < half; ++k) tail[static_cast<std::size_t>(k)] = row[columns - 2 - k];
    for (std::int64_t k = 0; k < half; ++k) before[static_cast<std::size_t>(half - 1 - k)] = row[k + 1];
    for (std::int64_t c = 0; c < columns; ++c) {
      std::size_t n = 0;
      for (std::int64_t k = 0; k < half; ++k) window[n++] = before[static_cast<std::size_t>(k)];
      for (std::int64_t k = 0; k <= half; ++k) {
        window[n++] = c + k < columns ? original(c + k) : tail[static_cast<std::size_t>(c + k - columns)];
      }
      const float leaving = row[c];
      std::copy_n(window.begin(), n, sorted.begin());
      std::nth_element(sorted.begin(), sorted.begin() + half,
                       sorted.begin() + static_cast<std::ptrdiff_t>(n));
      row[c] = sorted[static_cast<std::size_t>(half)];
      std::rotate(before.begin(), before.begin() + 1, before.begin() + half);
      if (half > 0) before[static_cast<std::size_t>(half - 1)] = leaving;
    }
  }
}

namespace {

enum Step : std::uint8_t { kDiagonal, kDown, kRight };

}  // namespace

TimeWarp::TimeWarp(std::int64_t max_rows, std::int64_t max_columns)
    : trace_(static_cast<std::size_t>((max_rows + 1) * (max_columns + 1))),
      previous_(static_cast<std::size_t>(max_rows + 1)),
      current_(static_cast<std::size_t>(max_rows + 1)) {}

void TimeWarp::run(std::span<const float> cost, std::int64_t rows, std::int64_t columns,
                   std::span<std::int32_t> first_column) {
  assert(rows >= 1 && columns >= 1 && trace_.size() >= static_cast<std::size_t>((rows + 1) * (columns + 1)));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto trace = [&](std::int64_t i, std::int64_t j) -> std::uint8_t& {
    return trace_[static_cast<std::size_t>(j * (rows + 1) + i)];
  };
  std::fill(previous_.begin(), previous_.end(), kInfinity);
  previous_[0] = 0.0;
  for (std::int64_t i = 1; i <= rows; ++i) trace(i, 0) = kDown;
  for (std::int64_t j = 1; j <= columns; ++j) {
    current_[0] = kInfinity;
    trace(0, j) = kRight;
    for (std::int64_t i = 1; i <= rows; ++i) {
      const double diagonal = previous_[static_cast<std::size_t>(i - 1)];
      const double down = current_[static_cast<std::size_t>(i - 1)];
      const double right = previous_[static_cast<std::size_t>(i)];
      Step step = kRight;
      double least = right;
      if (diagonal < down && diagonal < right) {
        step = kDiagonal;
        least = diagonal;
      } else if (down < diagonal && down < right) {
        step = kDown;
        least = down;
      }
      // The reference keeps its sums in f32.
      current_[static_cast<std::size_t>(i)] = static_cast<float>(
          static_cast<double>(cost[static_cast<std::size_t>((i - 1) * columns + j - 1)]) + least);
      trace(i, j) = step;
    }
    std::swap(previous_, current_);
  }
  std::int64_t i = rows, j = columns;
  while (i > 0 || j > 0) {
    // Walking back, the last visit to a row is where the path entered it.
    if (i > 0)
      first_column[static_cast<std::size_t>(i - 1)] =
          static_cast<std::int32_t>(std::max<std::int64_t>(j - 1, 0));
    const std::uint8_t step = trace(i, j);
    if (step != kRight) --i;
    if (step != kDown) --j;
  }
}

}  // namespace vedette::models::audio
