#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "signals/debounce.h"
#include "signals/health.h"
#include "signals/luma_frame.h"

namespace vedette::signals {

struct PictureHealthOptions {
  float black_luma = 32.0F;   // a pixel at or below this luma (0-255) is black
  float black_share = 0.98F;  // share of black pixels from which the picture is black
  std::chrono::nanoseconds black_after{2'000'000'000};
  float frozen_difference =
      0.7F;  // mean absolute luma difference up to which pictures are equal; hides recompression
  std::chrono::nanoseconds frozen_after{10'000'000'000};
  float low_frame_rate_hz = 1.0F;  // frames per second below which the rate is low; 0: never
  std::chrono::nanoseconds low_frame_rate_after{10'000'000'000};
  std::chrono::nanoseconds absent_after{5'000'000'000};  // no frames at all for this long
  std::chrono::nanoseconds clear_after{
      1'000'000'000};  // any of them must be gone this long to be reported as over

  friend bool operator==(const PictureHealthOptions&, const PictureHealthOptions&) = default;
};

// Blackness, freezing, rate and absence of a stream's picture. One per stream; not thread-safe.
class PictureHealth {
 public:
  PictureHealth(const PictureHealthOptions& options, HealthSink sink);

  // A frame was decoded. Every one of them, for the rate.
  void count_frame(base::MediaTime time);

  // Looks at one of the frames; one or two in a second are enough. At most 0.1 ms for 160x90.
  // Throws: std::invalid_argument when the pixels do not cover the size that the frame claims.
  void look(base::MediaTime time, const LumaFrame& frame);

  // Running time has come to `now`, with or without frames: call it about once a second.
  void tick(base::MediaTime now);

 private:
  void measure_rate(base::MediaTime now);
  bool differs_from_reference(const LumaFrame& frame, double& mean_difference) const;
  void keep_reference(const LumaFrame& frame);
  void report(Condition condition, Debounce& debounce, base::MediaTime start, base::MediaTime end, bool holds,
              double measured);

  PictureHealthOptions options_;
  HealthSink sink_;
  Debounce black_, frozen_, low_rate_, absent_;
  std::vector<std::uint8_t>
      reference_;  // [reference_height_, reference_width_]: the first of a run of equal pictures
  int reference_width_ = 0, reference_height_ = 0;
  std::optional<base::MediaTime> looked_;      // at the previous picture
  std::optional<base::MediaTime> seen_until_;  // the newest frame; the first tick when none came yet
  std::optional<base::MediaTime> rate_start_;
  int rate_frames_ = 0;
};

}  // namespace vedette::signals
