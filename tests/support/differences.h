#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace vedette::tests {

// The largest difference between two outputs; infinite when one holds a NaN or is longer.
inline float max_difference(std::span<const float> a, std::span<const float> b) {
  float worst = a.size() == b.size() ? 0.0F : std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::isnan(a[i] - b[i]) ? std::numeric_limits<float>::infinity()
                                    : std::max(worst, std::abs(a[i] - b[i]));
  }
  return worst;
}

// Mean square of the difference over that of the reference.
inline double normalised_error(std::span<const float> received, std::span<const float> reference) {
  double error = received.size() == reference.size() ? 0.0 : std::numeric_limits<float>::infinity(),
         power = 0.0;
  for (std::size_t i = 0; i < std::min(received.size(), reference.size()); ++i) {
    const double difference = static_cast<double>(received[i]) - static_cast<double>(reference[i]);
    error += difference * difference;
    power += static_cast<double>(reference[i]) * static_cast<double>(reference[i]);
  }
  return error / power;
}

}  // namespace vedette::tests
