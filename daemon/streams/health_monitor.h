#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <span>

#include "daemon/settings/settings.h"
#include "signals/bitrate_health.h"
#include "signals/picture_health.h"
#include "signals/picture_quality.h"
#include "signals/sound_health.h"

namespace vedette::daemon::streams {

// Feeds signals/ with what one connection's threads see, and starts them anew with each epoch. Thread-safe;
// the sink is called by one thread at a time.
class HealthMonitor {
 public:
  using Time = std::chrono::nanoseconds;  // running time

  HealthMonitor(const settings::HealthSettings& settings, signals::HealthSink sink);

  void begin_epoch(std::uint32_t epoch);
  void add_media(Time time, std::uint64_t bytes);
  void add_sound(Time time, std::span<const float> samples);
  void count_frame(Time time);
  // A picture that is looked at, whole and small.
  void look(base::MediaTime time, const signals::WholePicture& picture, const signals::LumaFrame& small);
  // Running time has come to `now`. What is not expected is not missed.
  void tick(Time now, bool expects_sound, bool expects_picture);

 private:
  void make(std::uint32_t epoch);

  const settings::HealthSettings settings_;
  const signals::HealthSink sink_;
  std::mutex mutex_;
  std::uint32_t epoch_ = 0;
  std::optional<signals::SoundHealth> sound_;
  std::optional<signals::PictureHealth> picture_;
  std::optional<signals::PictureQuality> quality_;
  std::optional<signals::BitrateHealth> bitrate_;
};

}  // namespace vedette::daemon::streams
