#pragma once

#include <chrono>
#include <optional>
#include <span>

#include "base/time.h"
#include "signals/debounce.h"
#include "signals/health.h"

namespace vedette::signals {

struct SoundHealthOptions {
  float silent_dbfs = -60.0F;  // RMS level below which sound is silent; full scale is 0
  std::chrono::nanoseconds silent_after{
      10'000'000'000};          // silence must last this long to be reported; 0: at once
  float clipped_level = 0.99F;  // magnitude at which a sample counts as being at full scale
  float clipped_share = 0.02F;  // share of such samples above which sound is clipped
  std::chrono::nanoseconds clipped_after{1'000'000'000};  // as silent_after
  std::chrono::nanoseconds absent_after{5'000'000'000};   // no samples at all for this long
  std::chrono::nanoseconds clear_after{
      1'000'000'000};  // any of them must be gone this long to be reported as over

  friend bool operator==(const SoundHealthOptions&, const SoundHealthOptions&) = default;
};

// Level, clipping and absence of a stream's sound, measured over blocks of 100 ms. One per stream; not
// thread-safe. A constant offset counts as silence: a dead input often carries one.
class SoundHealth {
 public:
  static constexpr int kSampleRateHz = 16000;

  SoundHealth(const SoundHealthOptions& options, HealthSink sink);

  // 16 kHz mono samples in [-1, 1] of which the first was at `start`. In order; a gap over 1 s, or a new
  // epoch, drops the block that it interrupts.
  void add(base::MediaTime start, std::span<const float> samples);

  // Running time has come to `now`, with or without samples: call it about once a second.
  void tick(base::MediaTime now);

  // RMS of the last whole block, dBFS; -120 before the first one and for digital silence.
  float level_dbfs() const { return level_dbfs_; }

 private:
  void begin_block(base::MediaTime start);
  void finish_block();
  void report(Condition condition, Debounce& debounce, base::MediaTime start, base::MediaTime end, bool holds,
              double measured);

  SoundHealthOptions options_;
  HealthSink sink_;
  Debounce silent_, clipped_, absent_;
  base::MediaTime block_start_;
  int block_samples_ = 0;
  double sum_ = 0.0, sum_of_squares_ = 0.0;
  int at_full_scale_ = 0;
  float level_dbfs_ = -120.0F;
  std::optional<base::MediaTime>
      heard_until_;  // end of the newest samples; of the first tick when none came yet
};

}  // namespace vedette::signals
