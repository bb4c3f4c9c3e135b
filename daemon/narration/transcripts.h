#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "daemon/narration/words.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

struct TranscriptOptions {
  // A record closes at the end of a sentence, at a pause of `pause`, or with `longest` of words in it.
  std::chrono::nanoseconds pause = std::chrono::milliseconds(600);
  std::chrono::nanoseconds longest = std::chrono::seconds(10);
  // ... or when its first word has waited this long since it was spoken, so that committed words are out in
  // time. 0: words wait for one of the others.
  std::chrono::nanoseconds longest_wait = std::chrono::milliseconds(2000);
};

// The details of a transcript record: every word with its times in UTC and its probability, and how many of
// them are committed.
std::string word_details(const std::vector<TimedWord>& words, std::size_t committed,
                         const base::ClockMap& clock);
// Empty for no words.
std::optional<double> mean_probability(const std::vector<TimedWord>& words);

// Cuts the words of one stream into transcript records: a record opens with its first tentative words, is
// updated while they change, and closes when they are committed, or is withdrawn with the words that it
// showed last. It always has words. Not thread-safe.
class Transcripts {
 public:
  Transcripts(std::string stream, std::string model, sinks::RecordIds& ids,
              const TranscriptOptions& options = {});

  // The clock by which records are stamped from now on.
  void set_clock(const base::ClockMap& clock) { clock_ = clock; }
  // One pass: what it committed and what is tentative behind that; `now`: the end of its window. `settle`:
  // the rest is silence, so that what is committed closes. Returns the records to publish, in order.
  std::vector<sinks::Record> take(const std::vector<TimedWord>& committed,
                                  const std::vector<TimedWord>& tentative, std::chrono::nanoseconds now,
                                  bool settle);

 private:
  sinks::Record make(sinks::RecordState state, const std::vector<TimedWord>& tentative);
  bool closes_behind(const TimedWord& word, const TimedWord* next) const;
  void close(std::vector<sinks::Record>& records);
  void withdraw(std::vector<sinks::Record>& records);

  const std::string stream_, model_;
  sinks::RecordIds& ids_;
  const TranscriptOptions options_;
  base::ClockMap clock_;

  std::vector<TimedWord> words_;  // committed, of the record that is being made
  std::string id_;                // of the record that was opened; "": none was
  std::uint32_t rev_ = 0;
  std::string published_;  // its last text and how much of it is committed
  sinks::Record shown_;    // as it was published last
};

}  // namespace vedette::daemon::narration
