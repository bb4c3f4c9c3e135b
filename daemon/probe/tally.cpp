#include "daemon/probe/tally.h"

#include <algorithm>

namespace vedette::daemon::probe {

void Tally::add(std::optional<Time> time, std::size_t bytes, bool key) {
  ++units_;
  keys_ += key ? 1U : 0U;
  bytes_ += bytes;
  if (!time) return;
  earliest_ = timed_ == 0 ? *time : std::min(earliest_, *time);  // pictures may come out of order
  latest_ = timed_ == 0 ? *time : std::max(latest_, *time);
  ++timed_;
  if (!key) return;
  if (timed_keys_ == 0) first_key_ = *time;
  if (timed_keys_ == 1) second_key_ = *time;
  if (timed_keys_ > 0) longest_ = std::max(longest_, *time - last_key_);
  last_key_ = *time;
  ++timed_keys_;
}

std::optional<double> Tally::rate_hz() const {
  if (timed_ < 2 || span().count() <= 0) return std::nullopt;
  return static_cast<double>(timed_ - 1) / std::chrono::duration<double>(span()).count();
}

std::optional<double> Tally::bits_per_s() const {
  const auto rate = rate_hz();
  if (!rate) return std::nullopt;
  return static_cast<double>(bytes_) * 8.0 / static_cast<double>(units_) * *rate;
}

std::optional<Tally::Time> Tally::key_interval() const {
  if (timed_keys_ < 2) return std::nullopt;
  if (timed_keys_ == 2) return last_key_ - first_key_;
  return (last_key_ - second_key_) / static_cast<std::int64_t>(timed_keys_ - 2);
}

std::optional<Tally::Time> Tally::longest_key_interval() const {
  return timed_keys_ < 2 ? std::nullopt : std::optional(longest_);
}

}  // namespace vedette::daemon::probe
