#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/time.h"
#include "daemon/files/media_reader.h"
#include "daemon/narration/stream_narration.h"
#include "models/preprocess/audio_window.h"
#include "models/runtime/runtime.h"
#include "sinks/record.h"

namespace vedette::daemon::files {

struct CaptionerOptions {
  std::string stream = "file";  // id of the records
  base::ClockMap clock;         // of the file, as file_clock makes it
  models::preprocess::AudioWindowOptions windows;
  narration::NarrationOptions narration = narration::whole_windows();
};

struct CaptionStats {
  narration::NarrationStats narration;
  std::chrono::nanoseconds sound{0};  // that was read
};

// The time of a file's first sample: `start_time`, else when its container says that it was made, else 1970,
// so that records show media time.
base::ClockMap file_clock(const MediaInfo& info, std::optional<std::chrono::nanoseconds> start_time);

// Words of a whole file, faster than real time. The road is that of a stream of pace `fast`: the same
// windows, encoder and narration, and so the same words; only FFmpeg reads in the place of GStreamer.
class Captioner {
 public:
  // Requires: runtime.can_hear(). The runtime must outlive it.
  Captioner(models::runtime::Runtime& runtime, CaptionerOptions options);

  // Gives the closed transcript records in order, on any thread but one at a time; `progress` is told how far
  // the file is dealt with, now and then. Both may be empty. Returns early when stop is requested. Throws:
  // std::runtime_error as the reader does, or when the models fail.
  CaptionStats run(MediaReader& reader, const std::function<void(const sinks::Record&)>& give,
                   const std::function<void(std::chrono::nanoseconds)>& progress, std::stop_token stop = {});

 private:
  void hear(narration::StreamNarration& narration, models::preprocess::AudioWindowPolicy& policy,
            models::preprocess::CutWindow window);

  models::runtime::Runtime& runtime_;
  const CaptionerOptions options_;
};

}  // namespace vedette::daemon::files
