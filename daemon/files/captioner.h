#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/time.h"
#include "daemon/files/media_reader.h"
#include "daemon/files/picture_reader.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/settings/settings.h"
#include "models/preprocess/audio_window.h"
#include "models/runtime/runtime.h"
#include "sinks/record.h"

namespace vedette::daemon::files {

// What is taken away from a file, to see what an answer rests on.
enum class Control : std::uint8_t {
  kNone,
  kBlack,  // every picture is black
  kMute,   // all sound is silence
};

struct CaptionerOptions {
  std::string stream = "file";  // id of the records
  base::ClockMap clock;         // of the file, as file_clock makes it
  models::preprocess::AudioWindowOptions windows;
  narration::NarrationOptions narration = narration::whole_windows();
  double video_rate_hz = 1.0;  // pictures that the model sees per second
  settings::HealthSettings health;
  std::chrono::nanoseconds from{0};            // what is before is not dealt with; records call it 0
  std::optional<std::chrono::nanoseconds> to;  // nor what is after, in the file's time
  Control control = Control::kNone;
};

struct CaptionStats {
  narration::NarrationStats narration;
  std::chrono::nanoseconds sound{0};  // that was read
};

// The time of a file's first sample: `start_time`, else when its container says that it was made, else 1970,
// so that records show media time.
base::ClockMap file_clock(const MediaInfo& info, std::optional<std::chrono::nanoseconds> start_time);

// Words of a whole file and what its pictures show, faster than real time. The road is that of a stream of
// pace `fast`: the same windows, sampling, encoders and narration, and so the same records; only FFmpeg reads
// in the place of GStreamer. Words come first: a picture is seen once the sound up to it is settled.
class Captioner {
 public:
  struct Hooks {
    std::function<void(sinks::Record)> give;                      // every record, as it is published
    std::function<void(std::chrono::nanoseconds)> progress;       // how far the file is dealt with
    std::function<void(narration::StreamNarration&)> before_end;  // all is known, nothing is closed
  };

  // Requires: runtime.can_hear() or no sound is read. The runtime must outlive it.
  Captioner(models::runtime::Runtime& runtime, CaptionerOptions options);

  // Hooks are called on any thread but one at a time, and may be empty. `pictures` may be null. Returns early
  // when stop is requested. Throws: std::runtime_error as the readers do, or when the models fail.
  CaptionStats run(MediaReader& sound, PictureReader* pictures, const Hooks& hooks,
                   std::stop_token stop = {});
  // Words alone: gives the closed transcript records in order.
  CaptionStats run(MediaReader& sound, const std::function<void(const sinks::Record&)>& give,
                   const std::function<void(std::chrono::nanoseconds)>& progress, std::stop_token stop = {});

 private:
  class Viewing;

  models::runtime::Runtime& runtime_;
  const CaptionerOptions options_;
};

}  // namespace vedette::daemon::files
