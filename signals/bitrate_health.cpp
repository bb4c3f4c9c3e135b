#include "signals/bitrate_health.h"

#include <utility>

namespace vedette::signals {

BitrateHealth::BitrateHealth(const BitrateHealthOptions& options, HealthSink sink)
    : sink_(std::move(sink)), zero_(options.zero_after, options.clear_after) {}

void BitrateHealth::tick(base::MediaTime now) {
  if (start_ && start_->epoch == now.epoch) {
    const auto elapsed = now.t - start_->t;
    if (elapsed <= std::chrono::nanoseconds{0}) return;
    bits_per_second_ = static_cast<double>(bytes_) * 8.0 / std::chrono::duration<double>(elapsed).count();
    if (const auto since = zero_.update(*start_, now, bytes_ == 0)) {
      sink_({Condition::kBitrateZero, bytes_ == 0, *since, bits_per_second_});
    }
  }
  start_ = now;
  bytes_ = 0;
}

}  // namespace vedette::signals
