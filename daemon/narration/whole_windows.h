#pragma once

#include <chrono>
#include <vector>

#include "daemon/narration/words.h"
#include "models/audio/transcript.h"

namespace vedette::daemon::narration {

// The words of one epoch whose windows are each heard once (AudioWindowOptions::whole): every pass commits
// its words, up to where the next window begins, as the published long-form algorithm of Whisper goes on. But
// the text of the windows before is not given as context: it makes small models leave out whole sentences (of
// 357 words of recordings in one file, 20 were wrong without, 121 with it). Not thread-safe.
class WholeWindows {
 public:
  // One pass over [start, end). Returns the words that it commits.
  std::vector<TimedWord> pass(const models::audio::Transcript& transcript, std::chrono::nanoseconds start,
                              std::chrono::nanoseconds end);
  // Nothing was heard before `end`.
  void skip(std::chrono::nanoseconds end);
  // Where the next window may start.
  std::chrono::nanoseconds cut() const { return cut_; }

 private:
  std::chrono::nanoseconds cut_{0};
};

}  // namespace vedette::daemon::narration
