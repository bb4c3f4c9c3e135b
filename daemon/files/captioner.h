#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon/files/media_reader.h"
#include "models/audio/transcript.h"
#include "models/runtime/runtime.h"

namespace vedette::daemon::files {

struct CaptionerOptions {
  models::audio::SpeechOptions speech;  // of the decoder
  // A window whose loudest 20 ms stay below this level is not analysed, dBFS.
  double silence_dbfs = -55.0;
  // Text of the windows before that the decoder is given as context, bytes; 0: none.
  std::size_t prompt_bytes = 400;
};

// A stretch of speech, in time of the file.
struct Caption {
  std::chrono::nanoseconds start{0}, end{0};
  std::string text;
  std::vector<models::audio::Word> words;  // times count from the file's start
};

struct CaptionStats {
  std::int64_t windows = 0, silent = 0, rejected = 0;
  std::chrono::nanoseconds sound{0};  // that was read
};

// Words of a whole file, faster than real time: windows of 30 s one after another, each beginning where the
// last whole segment of the one before ended, as the published long-form algorithm of Whisper does it.
// Stretches of silence are skipped.
class Captioner {
 public:
  // Requires: runtime.can_hear(). The runtime must outlive it.
  Captioner(models::runtime::Runtime& runtime, const CaptionerOptions& options = {});

  // Gives the captions in order; `progress` is told how far the file is dealt with, now and then. Both may be
  // empty. Returns early when stop is requested. Throws: std::runtime_error as the reader does, or when the
  // models fail.
  CaptionStats run(MediaReader& reader, const std::function<void(Caption)>& give,
                   const std::function<void(std::chrono::nanoseconds)>& progress, std::stop_token stop = {});

 private:
  std::size_t settled_samples(const models::audio::Transcript& transcript,
                              std::span<const float> window) const;
  models::audio::Transcript recognise(std::vector<float> window, std::string previous_text);

  models::runtime::Runtime& runtime_;
  const CaptionerOptions options_;
};

}  // namespace vedette::daemon::files
