#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "signals/debounce.h"
#include "signals/health.h"

namespace vedette::signals {

struct BitrateHealthOptions {
  std::chrono::nanoseconds zero_after{
      5'000'000'000};  // not one byte of media for this long, though connected
  std::chrono::nanoseconds clear_after{1'000'000'000};  // bytes must flow this long for it to be over

  friend bool operator==(const BitrateHealthOptions&, const BitrateHealthOptions&) = default;
};

// Whether a connected stream sends anything, picture or sound. One per stream; not thread-safe.
class BitrateHealth {
 public:
  BitrateHealth(const BitrateHealthOptions& options, HealthSink sink);

  void add_bytes(std::uint64_t bytes) { bytes_ += bytes; }

  // Running time has come to `now`: call it about once a second.
  void tick(base::MediaTime now);

  // Of the last whole interval between two ticks.
  double bits_per_second() const { return bits_per_second_; }

 private:
  HealthSink sink_;
  Debounce zero_;
  std::optional<base::MediaTime> start_;
  std::uint64_t bytes_ = 0;
  double bits_per_second_ = 0.0;
};

}  // namespace vedette::signals
