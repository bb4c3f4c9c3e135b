#include "models/vision/positions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace vedette::models::vision {

namespace {

struct Taps {
  std::array<int, 4> at;
  std::array<float, 4> weight;
};

float near_weight(float x) {  // |x| <= 1
  constexpr float a = -0.75F;
  return ((a + 2.0F) * x - (a + 3.0F)) * x * x + 1.0F;
}
float far_weight(float x) {  // 1 < |x| < 2
  constexpr float a = -0.75F;
  return ((a * x - 5.0F * a) * x + 8.0F * a) * x - 4.0F * a;
}

// align_corners is false; samples past the edge are those at the edge.
std::vector<Taps> taps_of(int from, int to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  std::vector<Taps> taps;
  for (int i = 0; i < to; ++i) {
    const float at = scale * (static_cast<float>(i) + 0.5F) - 0.5F;
    const float whole = std::floor(at), part = at - whole;
    Taps one{{},
             {far_weight(part + 1.0F), near_weight(part), near_weight(1.0F - part), far_weight(2.0F - part)}};
    for (int tap = 0; tap < 4; ++tap) {
      one.at[static_cast<std::size_t>(tap)] = std::clamp(static_cast<int>(whole) + tap - 1, 0, from - 1);
    }
    taps.push_back(one);
  }
  return taps;
}

}  // namespace

void interpolate_positions(backend::Matrix table, int side, int rows, int columns, backend::Matrix y) {
  const std::vector<Taps> down = taps_of(side, rows), across = taps_of(side, columns);
  for (int row = 0; row < rows; ++row) {
    const Taps& v = down[static_cast<std::size_t>(row)];
    for (int column = 0; column < columns; ++column) {
      const Taps& h = across[static_cast<std::size_t>(column)];
      float* out = y.row(static_cast<std::int64_t>(row) * columns + column);
      std::fill_n(out, y.columns, 0.0F);
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 4; ++j) {
          const float weight = v.weight[i] * h.weight[j];
          const float* src = table.row(static_cast<std::int64_t>(v.at[i]) * side + h.at[j]);
          for (std::int64_t c = 0; c < y.columns; ++c) out[c] += weight * src[c];
        }
      }
    }
  }
}

void shared_positions(int side, int count, std::span<int> indices) {
  // In f32 as the reference has it: the last share below one is 1 - 1e-6, buckets begin at multiples of
  // 1 / side.
  std::vector<float> bounds;
  for (int i = 1; i < side; ++i) bounds.push_back(static_cast<float>(static_cast<double>(i) / side));
  const float step = 1.0F / static_cast<float>(count);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const float share = std::min(static_cast<float>(i) * step, 1.0F - 1e-6F);
    indices[i] = static_cast<int>(std::upper_bound(bounds.begin(), bounds.end(), share) - bounds.begin());
  }
}

}  // namespace vedette::models::vision
