#include "models/preprocess/frame_sampling.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace vedette::models::preprocess {

namespace {

using std::chrono::nanoseconds;

constexpr double kHighestRate = 1000.0;
// Times beyond are no times: room to add intervals to any that is.
constexpr nanoseconds kLatest{std::int64_t{1} << 61};

void require(bool holds, const char* option, const char* range, double got) {
  if (holds) return;
  throw std::invalid_argument(std::string(option) + " must be " + range + ", not " + std::to_string(got));
}

double seconds(nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

FrameSamplingPolicy::FrameSamplingPolicy(const FrameSamplingOptions& options) : options_(options) {
  require(std::isfinite(options.rate_hz) && options.rate_hz >= 0.0 && options.rate_hz <= kHighestRate,
          "rate_hz", "0 to 1000", options.rate_hz);
  require(options.least_change >= 0.0 && options.least_change <= 1.0, "least_change", "0 to 1",
          options.least_change);
  const auto is_length = [](nanoseconds time) { return time.count() >= 0 && time < kLatest; };
  require(is_length(options.min_interval), "min_interval", "at least 0", seconds(options.min_interval));
  require(is_length(options.longest_unchanged), "longest_unchanged", "at least 0",
          seconds(options.longest_unchanged));
  require(is_length(options.key_frames_within), "key_frames_within", "at least 0",
          seconds(options.key_frames_within));
  if (options.rate_hz > 0.0) {
    const double interval = std::min(1e9 / options.rate_hz, static_cast<double>(kLatest.count() / 4));
    interval_ = nanoseconds(static_cast<std::int64_t>(interval));
  }
  key_frames_within_ = options.key_frames_within.count() > 0 ? options.key_frames_within : interval_;
}

bool FrameSamplingPolicy::due(nanoseconds time) {
  if (time > kLatest || time < -kLatest) return false;
  if (next_ && *next_ - time > 2 * interval_) {  // back in time
    const bool decode_all = decode_all_;
    reset();
    decode_all_ = decode_all;
  }
  if (next_ && time < *next_) return false;
  // Frames that come a little late do not move the grid; after a gap it begins again.
  const bool on_grid = next_ && time - *next_ < interval_;
  next_ = on_grid ? std::max(*next_ + interval_, time + interval_ / 2) : time + interval_;
  return true;
}

bool FrameSamplingPolicy::keep(nanoseconds time, double change) {
  if (kept_) {
    const nanoseconds since = time - *kept_;
    if (since.count() >= 0 && since < options_.min_interval) return false;
    const bool waited_long = options_.longest_unchanged.count() > 0 && since >= options_.longest_unchanged;
    if (change < options_.least_change && !waited_long) return false;
  }
  kept_ = time;
  return true;
}

bool FrameSamplingPolicy::decode(nanoseconds time, bool is_key) {
  if (!is_key) return decode_all_;
  if (last_key_ && time >= *last_key_) decode_all_ = time - *last_key_ > key_frames_within_;
  last_key_ = time;
  return decode_all_ || due(time);
}

void FrameSamplingPolicy::reset() {
  next_.reset();
  kept_.reset();
  last_key_.reset();
  decode_all_ = false;
}

}  // namespace vedette::models::preprocess
