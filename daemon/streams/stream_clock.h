#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace vedette::daemon::streams {

// What is known about UTC in one connection, from the least to the most trusted: the moment of receipt, a
// file's own time, the camera's sender reports. Thread-safe.
class StreamClock {
 public:
  // Half-widths of the error bars. A live picture or sound was captured before it was received: network,
  // encoder and jitter buffer (200 ms) usually cost less than this. A sender report is as good as the
  // camera's NTP, and its mapping is smoothed over the network's jitter. A container's creation time counts
  // whole seconds.
  static constexpr std::chrono::milliseconds kReceiveError{500}, kSenderError{100}, kContainerError{1000};
  // A camera whose clock strays further than this from ours is not believed.
  static constexpr std::chrono::seconds kMostCameraOffset{10};

  // Where media come later after they were taken than kReceiveError allows for, or sooner. Before all else.
  void set_receive_error(std::chrono::nanoseconds error);
  // Running time was `running` when our UTC was `utc` (live sources; sampled every second).
  void sample(std::chrono::nanoseconds utc, std::chrono::nanoseconds running);
  // A report of this sender (an RTP session: sound or picture) says: UTC of running time zero. GStreamer
  // delays the media of all senders but the one with the least zero, so that they are in step: that one's
  // zero holds for all. False: not believed. Nothing is received before it was taken: by how much a report
  // says otherwise the sender's clock is ahead at least, which is taken off and added to the error bar. Where
  // that makes the bar as wide as that of receipt, receipt is the source.
  bool set_sender_zero(std::uint32_t sender, std::chrono::nanoseconds utc_zero);
  // The file's first moment, and how far to trust it.
  void set_file_zero(std::chrono::nanoseconds utc_zero, std::chrono::nanoseconds error);

  // The map as of now, for this epoch.
  base::ClockMap map(std::uint32_t epoch) const;
  // The map for this epoch, once for every change by more than 1 ms.
  std::optional<base::ClockMap> changed(std::uint32_t epoch);

 private:
  // What follows from reports and receipt. Requires: mutex_ is held, and there is a report.
  base::ClockMap told_by_senders() const;
  void take(const base::ClockMap& map);

  mutable std::mutex mutex_;
  std::optional<std::chrono::nanoseconds> received_zero_;
  std::map<std::uint32_t, std::chrono::nanoseconds> sender_zeros_;  // of those that are believed
  std::chrono::nanoseconds receive_error_ = kReceiveError;
  base::ClockMap best_{0, {}, kReceiveError, base::ClockSource::kReceive, 0.0};
  bool changed_ = false;
};

}  // namespace vedette::daemon::streams
