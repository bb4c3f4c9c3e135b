#include "signals/picture_health.h"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <utility>

namespace vedette::signals {

namespace {

// A change this strong in even a few pixels is movement: recompression of a still picture stays well below
// it.
constexpr int kMovedBy = 24;
constexpr double kMovedShare = 0.0005;
constexpr std::chrono::seconds kRateWindow{5};
constexpr float kRateMargin = 1.1F;  // a low rate ends this factor above the rate at which it begins

}  // namespace

PictureHealth::PictureHealth(const PictureHealthOptions& options, HealthSink sink)
    : options_(options),
      sink_(std::move(sink)),
      black_(options.black_after, options.clear_after),
      frozen_(options.frozen_after, std::chrono::nanoseconds{0}),
      low_rate_(options.low_frame_rate_after, options.clear_after),
      absent_(options.absent_after, options.clear_after) {}

void PictureHealth::count_frame(base::MediaTime time) {
  const bool follows = seen_until_ && seen_until_->epoch == time.epoch && seen_until_->t <= time.t &&
                       time.t - seen_until_->t < options_.absent_after;
  report(Condition::kPictureAbsent, absent_, follows ? *seen_until_ : time, time, false, 0.0);
  seen_until_ = time;
  measure_rate(time);
  ++rate_frames_;
}

void PictureHealth::look(base::MediaTime time, const LumaFrame& frame) {
  require_complete(frame);
  double sum = 0.0;
  std::int64_t dark = 0;
  for (int y = 0; y < frame.height; ++y) {
    int row_sum = 0, row_dark = 0;
    for (const int pixel : row_of(frame, y)) {
      row_sum += pixel;
      row_dark += static_cast<float>(pixel) <= options_.black_luma ? 1 : 0;
    }
    sum += row_sum;
    dark += row_dark;
  }
  const double count = static_cast<double>(frame.width) * frame.height;
  const bool is_black = static_cast<double>(dark) >= static_cast<double>(options_.black_share) * count;
  report(Condition::kPictureBlack, black_, time, time, is_black, sum / count);

  double difference = 0.0;
  const bool first = !looked_ || looked_->epoch != time.epoch;
  if (first || differs_from_reference(frame, difference)) {
    keep_reference(frame);
    report(Condition::kPictureFrozen, frozen_, time, time, false, difference);
  } else {
    report(Condition::kPictureFrozen, frozen_, *looked_, time, true,
           difference);  // equal since the previous look
  }
  looked_ = time;
}

void PictureHealth::tick(base::MediaTime now) {
  if (!seen_until_ || seen_until_->epoch != now.epoch) {
    seen_until_ = now;
  } else if (now.t - seen_until_->t >= std::max(options_.absent_after, std::chrono::nanoseconds(1))) {
    const double seconds = std::chrono::duration<double>(now.t - seen_until_->t).count();
    report(Condition::kPictureAbsent, absent_, *seen_until_, now, true, seconds);
  }
  measure_rate(now);
}

void PictureHealth::measure_rate(base::MediaTime now) {
  if (!rate_start_ || rate_start_->epoch != now.epoch || now.t < rate_start_->t) {
    rate_start_ = now;
    rate_frames_ = 0;
    return;
  }
  const auto elapsed = now.t - rate_start_->t;
  if (elapsed < kRateWindow) return;
  const double rate_hz = rate_frames_ / std::chrono::duration<double>(elapsed).count();
  const float threshold = options_.low_frame_rate_hz * (low_rate_.active() ? kRateMargin : 1.0F);
  report(Condition::kLowFrameRate, low_rate_, *rate_start_, now, rate_hz < static_cast<double>(threshold),
         rate_hz);
  rate_start_ = now;
  rate_frames_ = 0;
}

bool PictureHealth::differs_from_reference(const LumaFrame& frame, double& mean_difference) const {
  if (frame.width != reference_width_ || frame.height != reference_height_) return true;
  std::int64_t total = 0, moved = 0;
  const std::uint8_t* reference = reference_.data();
  for (int y = 0; y < frame.height; ++y) {
    int row_total = 0, row_moved = 0;
    for (const int pixel : row_of(frame, y)) {
      const int difference = std::abs(pixel - *reference++);
      row_total += difference;
      row_moved += difference > kMovedBy ? 1 : 0;
    }
    total += row_total;
    moved += row_moved;
  }
  const double count = static_cast<double>(frame.width) * frame.height;
  mean_difference = static_cast<double>(total) / count;
  return mean_difference > static_cast<double>(options_.frozen_difference) ||
         static_cast<double>(moved) > kMovedShare * count;
}

void PictureHealth::keep_reference(const LumaFrame& frame) {
  reference_width_ = frame.width;
  reference_height_ = frame.height;
  reference_.resize(static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height));
  std::uint8_t* out = reference_.data();
  for (int y = 0; y < frame.height; ++y) out = std::ranges::copy(row_of(frame, y), out).out;
}

void PictureHealth::report(Condition condition, Debounce& debounce, base::MediaTime start,
                           base::MediaTime end, bool holds, double measured) {
  if (const auto since = debounce.update(start, end, holds)) sink_({condition, holds, *since, measured});
}

}  // namespace vedette::signals
