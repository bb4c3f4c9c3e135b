#pragma once

#include <chrono>
#include <optional>

#include "base/time.h"

namespace vedette::signals {

// Hysteresis in time: a condition begins once it has held for `on_after`, and ends once it has been gone for
// `off_after`. Not thread-safe.
class Debounce {
 public:
  Debounce(std::chrono::nanoseconds on_after, std::chrono::nanoseconds off_after)
      : on_after_(on_after), off_after_(off_after) {}

  // The condition held, or did not, over all of [start, end). Gives the time at which it changed, once that
  // is sure. Time measured before an interruption (another epoch) does not count towards the change.
  std::optional<base::MediaTime> update(base::MediaTime start, base::MediaTime end, bool holds) {
    if (holds == active_) {
      pending_.reset();
      return std::nullopt;
    }
    if (!pending_ || pending_->epoch != start.epoch) pending_ = start;
    if (end.t - pending_->t < (holds ? on_after_ : off_after_)) return std::nullopt;
    active_ = holds;
    const base::MediaTime since = *pending_;
    pending_.reset();
    return since;
  }

  bool active() const { return active_; }

 private:
  std::chrono::nanoseconds on_after_, off_after_;
  std::optional<base::MediaTime> pending_;
  bool active_ = false;
};

}  // namespace vedette::signals
