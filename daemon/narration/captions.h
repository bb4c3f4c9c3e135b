#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

// What a caption's sentence was made from.
enum class CaptionSource : std::uint8_t {
  kFacts,      // from what was measured
  kModel,      // by the language model
  kOverruled,  // from what was measured, as the language model named what is not there
};
const char* to_string(CaptionSource source);  // "facts", "model", "overruled"

struct Caption {
  std::string text;
  CaptionSource source = CaptionSource::kFacts;
  std::string model;        // that wrote it; "" with kFacts
  std::string prompt_hash;  // likewise
};

struct CaptionOptions {
  std::chrono::nanoseconds extend_every = std::chrono::seconds(30);  // between two records of the same text
};

// The captions of one stream as records: one opens with its text, is updated now and then while that text
// holds, and closes when another one takes its place or nobody knows any more. Not thread-safe.
class Captions {
 public:
  Captions(std::string stream, sinks::RecordIds& ids, const CaptionOptions& options = {})
      : stream_(std::move(stream)), ids_(ids), options_(options) {}

  // The clock by which records are stamped from now on, what is open included.
  void set_clock(const base::ClockMap& clock) { clock_ = clock; }
  // Each returns the records to publish, in order. The text holds at `t`:
  std::vector<sinks::Record> say(std::chrono::nanoseconds t, const Caption& caption);
  // ... what was said still holds at `t`:
  std::vector<sinks::Record> still(std::chrono::nanoseconds t);
  // ... it ends at `t`, or at the last time at which it was known to hold, if that is later:
  std::vector<sinks::Record> end(std::chrono::nanoseconds t);

  bool open() const { return open_.has_value(); }
  // What is open says this, but for case and punctuation.
  bool says(const std::string& text) const;

 private:
  sinks::Record step(sinks::RecordState state);

  const std::string stream_;
  sinks::RecordIds& ids_;
  const CaptionOptions options_;
  base::ClockMap clock_;
  std::optional<sinks::Record> open_;            // as it was published last
  std::string said_;                             // its text, normalised
  std::chrono::nanoseconds began_{0};            // it opened
  std::chrono::nanoseconds holds_{0}, told_{0};  // until when it is known to hold, and that was published
};

}  // namespace vedette::daemon::narration
