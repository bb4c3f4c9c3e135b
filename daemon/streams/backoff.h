#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace vedette::daemon::streams {

// Waits between attempts: doubling from `first` to `longest`, each shortened at random by up to a half, so
// that streams that failed together do not come back together. Not thread-safe.
class Backoff {
 public:
  Backoff(std::chrono::nanoseconds first, std::chrono::nanoseconds longest, std::uint64_t seed)
      : first_(first), longest_(std::max(first, longest)), next_(first), random_(seed) {}

  std::chrono::milliseconds next() {
    const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
    const auto wait = std::chrono::duration<double>(next_) * share;
    next_ = std::min(next_ * 2, longest_);
    return std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  }
  void succeeded() { next_ = first_; }

 private:
  const std::chrono::nanoseconds first_, longest_;
  std::chrono::nanoseconds next_;
  std::mt19937_64 random_;
};

}  // namespace vedette::daemon::streams
