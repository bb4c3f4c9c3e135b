#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace vedette::daemon::probe {

// What was seen of one medium of a source: its units (pictures, packets of sound) as they came, by their own
// times. A value.
class Tally {
 public:
  using Time = std::chrono::nanoseconds;

  // One unit; without a time it counts for its bytes alone. `key`: it can be decoded by itself.
  void add(std::optional<Time> time, std::size_t bytes, bool key);

  std::uint64_t units() const { return units_; }
  std::uint64_t keys() const { return keys_; }
  // Between the earliest and the latest unit.
  Time span() const { return latest_ - earliest_; }
  // Units per second; nothing of fewer than two.
  std::optional<double> rate_hz() const;
  std::optional<double> bits_per_s() const;
  // Mean and longest time from one key unit to the next; nothing of fewer than two. Of more, the mean leaves
  // the first out, which a server may have made for this connection.
  std::optional<Time> key_interval() const;
  std::optional<Time> longest_key_interval() const;

 private:
  std::uint64_t units_ = 0, timed_ = 0, keys_ = 0, timed_keys_ = 0;
  std::uint64_t bytes_ = 0;
  Time earliest_{0}, latest_{0}, first_key_{0}, second_key_{0}, last_key_{0}, longest_{0};
};

}  // namespace vedette::daemon::probe
