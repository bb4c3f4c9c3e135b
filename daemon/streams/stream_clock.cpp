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

void StreamClock::take(const base::ClockMap& map) {
  const bool same = best_.source == map.source && distance(best_.utc_zero, map.utc_zero) <= kWorthTelling &&
                    distance(best_.error, map.error) <= kWorthTelling;
  if (same) return;
  best_ = map;
  changed_ = true;
}

base::ClockMap StreamClock::told_by_senders() const {
  auto least = nanoseconds::max(), most = nanoseconds::min();
  for (const auto& [sender, zero] : sender_zeros_) {
    least = std::min(least, zero);
    most = std::max(most, zero);
  }
  // All senders of a camera have one clock, which the one with the greatest zero shows best.
  const nanoseconds ahead =
      received_zero_ ? std::max(nanoseconds{0}, most - *received_zero_) : nanoseconds{0};
  base::ClockMap map = best_;
  map.utc_zero = least - ahead;
  map.error = std::min<nanoseconds>(kSenderError + ahead, kReceiveError);
  map.source = map.error < kReceiveError ? base::ClockSource::kRtcp : base::ClockSource::kReceive;
  return map;
}

void StreamClock::set_receive_error(nanoseconds error) {
  const std::lock_guard lock(mutex_);
  receive_error_ = best_.error = error;
}

void StreamClock::sample(nanoseconds utc, nanoseconds running) {
  const std::lock_guard lock(mutex_);
  received_zero_ = utc - running;
  if (best_.source == base::ClockSource::kFile) return;
  std::erase_if(sender_zeros_, [this](const auto& one) {
    return distance(*received_zero_, one.second) > kMostCameraOffset;
  });
  if (!sender_zeros_.empty()) return take(told_by_senders());
  base::ClockMap map = best_;
  map.utc_zero = *received_zero_;
  map.error = receive_error_;
  map.source = base::ClockSource::kReceive;
  take(map);
}

bool StreamClock::set_sender_zero(std::uint32_t sender, nanoseconds utc_zero) {
  const std::lock_guard lock(mutex_);
  if (received_zero_ && distance(*received_zero_, utc_zero) > kMostCameraOffset) return false;
  if (sender_zeros_.size() < kMostSenders || sender_zeros_.contains(sender)) sender_zeros_[sender] = utc_zero;
  take(told_by_senders());
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
