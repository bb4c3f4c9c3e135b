#include "daemon/streams/health_monitor.h"

namespace vedette::daemon::streams {

HealthMonitor::HealthMonitor(const settings::HealthSettings& settings, signals::HealthSink sink)
    : settings_(settings), sink_(std::move(sink)) {
  make(0);
}

void HealthMonitor::make(std::uint32_t epoch) {
  epoch_ = epoch;
  sound_.emplace(settings_.sound, sink_);
  picture_.emplace(settings_.picture, sink_);
  quality_.emplace(settings_.quality, sink_);
  bitrate_.emplace(settings_.bitrate, sink_);
}

void HealthMonitor::begin_epoch(std::uint32_t epoch) {
  const std::lock_guard lock(mutex_);
  make(epoch);
}

void HealthMonitor::add_media(Time, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  bitrate_->add_bytes(bytes);
}

void HealthMonitor::add_sound(Time time, std::span<const float> samples) {
  const std::lock_guard lock(mutex_);
  sound_->add({epoch_, time}, samples);
}

void HealthMonitor::count_frame(Time time) {
  const std::lock_guard lock(mutex_);
  picture_->count_frame({epoch_, time});
}

void HealthMonitor::look(base::MediaTime time, const signals::WholePicture& picture,
                         const signals::LumaFrame& small) {
  const std::lock_guard lock(mutex_);
  if (time.epoch != epoch_) return;
  picture_->look(time, small);
  quality_->look(time, picture, small);
}

void HealthMonitor::tick(Time now, bool expects_sound, bool expects_picture) {
  const std::lock_guard lock(mutex_);
  if (expects_sound) sound_->tick({epoch_, now});
  if (expects_picture) picture_->tick({epoch_, now});
  bitrate_->tick({epoch_, now});
}

}  // namespace vedette::daemon::streams
