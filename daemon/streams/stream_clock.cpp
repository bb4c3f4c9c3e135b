#include "daemon/streams/stream_clock.h"

#include <algorithm>

namespace vedette::daemon::streams {

using std::chrono::nanoseconds;

namespace {
constexpr nanoseconds kWorthTelling = std::chrono::milliseconds(1);
constexpr std::size_t kMostSenders = 8;
nanoseconds distance(nanoseconds a, nanoseconds b) {
  return a > b ? a - b : b - a;
}
}  // namespace

void StreamClock::sample(nanoseconds utc, nanoseconds running) {
  const std::lock_guard lock(mutex_);
  received_zero_ = utc - running;
  if (best_.source != base::ClockSource::kReceive) return;
  if (distance(best_.utc_zero, *received_zero_) <= kWorthTelling) return;
  best_.utc_zero = *received_zero_;
  best_.error = kReceiveError;
  changed_ = true;
}

bool StreamClock::set_sender_zero(std::uint32_t sender, nanoseconds utc_zero) {
  const std::lock_guard lock(mutex_);
  if (received_zero_ && distance(*received_zero_, utc_zero) > kMostCameraOffset) return false;
  if (sender_zeros_.size() < kMostSenders || sender_zeros_.contains(sender)) sender_zeros_[sender] = utc_zero;
  for (const auto& [other, zero] : sender_zeros_) utc_zero = std::min(utc_zero, zero);
  if (best_.source == base::ClockSource::kRtcp && distance(best_.utc_zero, utc_zero) <= kWorthTelling)
    return true;
  best_.utc_zero = utc_zero;
  best_.error = kSenderError;
  best_.source = base::ClockSource::kRtcp;
  changed_ = true;
  return true;
}

void StreamClock::set_file_zero(nanoseconds utc_zero, nanoseconds error) {
  const std::lock_guard lock(mutex_);
  best_.utc_zero = utc_zero;
  best_.error = error;
  best_.source = base::ClockSource::kFile;
  changed_ = true;
}

base::ClockMap StreamClock::map(std::uint32_t epoch) const {
  const std::lock_guard lock(mutex_);
  base::ClockMap map = best_;
  map.epoch = epoch;
  return map;
}

std::optional<base::ClockMap> StreamClock::changed(std::uint32_t epoch) {
  {
    const std::lock_guard lock(mutex_);
    if (!changed_) return std::nullopt;
    changed_ = false;
  }
  return map(epoch);
}

}  // namespace vedette::daemon::streams
