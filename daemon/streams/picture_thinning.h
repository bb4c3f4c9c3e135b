#pragma once

#include <chrono>
#include <optional>

namespace vedette::daemon::streams {

// Leaves pictures out before they are sampled, where the machine is to do less: of those that are looked at,
// one passes per sampling interval divided by the share. For the thread that looks.
class PictureThinning {
 public:
  // `rate_hz`: pictures per second that are sampled. `share`: of them that are wanted, above 0 to 1; it may
  // change from call to call.
  bool leaves_out(std::chrono::nanoseconds time, double rate_hz, double share) {
    constexpr double kEarly = 0.1;  // of an interval: pictures are looked at on a grid of their own
    const std::chrono::duration<double> interval(share < 1.0 ? (1.0 / share - kEarly) / rate_hz : 0.0);
    // A time that went back is of another epoch.
    const bool early = passed_ && time >= *passed_ && time - *passed_ < interval;
    if (!early) passed_ = time;
    return early;
  }

 private:
  std::optional<std::chrono::nanoseconds> passed_;  // the newest that was not left out
};

}  // namespace vedette::daemon::streams
