#include "models/audio/word_times.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

namespace vedette::models::audio {

namespace {

constexpr std::size_t kMaxWidth = 255;
constexpr std::size_t kLanes = 16;

// The median of seven values of each lane, in place of the fourth: Devillard's network of 13 exchanges.
void median_of_seven(std::array<std::array<float, kLanes>, 7>& v) {
  const auto order = [&](std::size_t low, std::size_t high) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float a = v[low][lane], b = v[high][lane];
      v[low][lane] = b < a ? b : a;
      v[high][lane] = b < a ? a : b;
    }
  };
  order(0, 5), order(0, 3), order(1, 6), order(2, 4), order(0, 1), order(3, 5), order(2, 6);
  order(2, 3), order(3, 6), order(4, 5), order(1, 4), order(1, 3), order(3, 4);
}

// The filter that every published model has, kLanes columns at a time. `row` has more than 3 columns.
void median_row_of_seven(std::span<float> row) {
  const auto n = static_cast<std::int64_t>(row.size());
  const std::array<float, 3> tail = {row[row.size() - 2], row[row.size() - 3], row[row.size() - 4]};
  std::array<float, 3> before = {row[3], row[2], row[1]};
  std::array<float, kLanes + 6> chunk{};
  std::array<std::array<float, kLanes>, 7> values{};
  for (std::int64_t c = 0; c < n; c += kLanes) {
    std::copy(before.begin(), before.end(), chunk.begin());
    for (std::int64_t k = 0; k < static_cast<std::int64_t>(kLanes) + 3; ++k) {
      const std::int64_t past = std::min<std::int64_t>(c + k - n, 2);
      chunk[static_cast<std::size_t>(k + 3)] =
          past < 0 ? row[static_cast<std::size_t>(c + k)] : tail[static_cast<std::size_t>(past)];
    }
    std::copy_n(chunk.begin() + kLanes, 3, before.begin());
    for (std::size_t i = 0; i < values.size(); ++i)
      std::copy_n(chunk.begin() + static_cast<std::ptrdiff_t>(i), kLanes, values[i].begin());
    median_of_seven(values);
    const auto written = static_cast<std::size_t>(std::min<std::int64_t>(kLanes, n - c));
    std::copy_n(values[3].begin(), written, row.begin() + c);
  }
}

// Any width, one column at a time.
void median_row(std::span<float> row, int width) {
  const auto columns = static_cast<std::int64_t>(row.size());
  const std::int64_t half = width / 2;
  std::array<float, kMaxWidth> before{};  // the last `half` values as they were
  std::array<float, kMaxWidth>
      tail{};  // what the reflection sees past the right end, before it is overwritten
  std::array<float, kMaxWidth> window{};
  for (std::int64_t k = 0; k < half; ++k) {
    tail[static_cast<std::size_t>(k)] = row[static_cast<std::size_t>(columns - 2 - k)];
    before[static_cast<std::size_t>(half - 1 - k)] = row[static_cast<std::size_t>(k + 1)];
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    std::size_t n = 0;
    for (std::int64_t k = 0; k < half; ++k) window[n++] = before[static_cast<std::size_t>(k)];
    for (std::int64_t k = c; k <= c + half; ++k) {
      window[n++] =
          k < columns ? row[static_cast<std::size_t>(k)] : tail[static_cast<std::size_t>(k - columns)];
    }
    const float leaving = row[static_cast<std::size_t>(c)];
    std::nth_element(window.begin(), window.begin() + half, window.begin() + static_cast<std::ptrdiff_t>(n));
    row[static_cast<std::size_t>(c)] = window[static_cast<std::size_t>(half)];
    std::rotate(before.begin(), before.begin() + 1, before.begin() + half);
    if (half > 0) before[static_cast<std::size_t>(half - 1)] = leaving;
  }
}

}  // namespace

void median_filter_rows(std::span<float> values, std::int64_t rows, std::int64_t columns, int width) {
  assert(width % 2 == 1 && static_cast<std::size_t>(width) <= kMaxWidth);
  if (columns <= width / 2 || width == 1) return;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::span<float> row =
        values.subspan(static_cast<std::size_t>(r * columns), static_cast<std::size_t>(columns));
    if (width == 7) {
      median_row_of_seven(row);
    } else {
      median_row(row, width);
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
