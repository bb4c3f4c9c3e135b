#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/audio/transcript.h"
#include "sinks/record.h"

namespace vedette::daemon::files {

enum class CaptionFormat : std::uint8_t { kText, kJsonLines, kSrt, kVtt };

// Empty for a name that is none of "text", "jsonl", "srt", "vtt".
std::optional<CaptionFormat> caption_format(std::string_view name);

// A stretch of speech, in time of the file.
struct Caption {
  std::chrono::nanoseconds start{0}, end{0};
  std::string text;
  std::vector<models::audio::Word> words;  // times count from the file's start
};
// A transcript record, of a file whose first sample was at `utc_zero`.
Caption caption_of(const sinks::Record& record, std::chrono::nanoseconds utc_zero);

// What subtitles bear: longer captions are cut between words, at punctuation where there is some.
struct SubtitleLimits {
  std::size_t most_characters = 84;  // two lines of 42
  std::chrono::nanoseconds longest = std::chrono::seconds(7);
};
std::vector<Caption> split(const Caption& caption, const SubtitleLimits& limits = {});

// Writes closed transcripts, and captions of the picture in brackets, in one of the formats; JSON lines are
// the records as Redis gets them. Not thread-safe; the stream must outlive it.
class CaptionWriter {
 public:
  // Writes the format's head, if it has one. `utc_zero`: of the file's first sample, since 1970.
  CaptionWriter(std::ostream& out, CaptionFormat format, std::chrono::nanoseconds utc_zero);

  void write(const sinks::Record& record);
  // Takes all records as they are published, and writes those that have closed in the order in which they
  // began: each waits for those that began before it and are open.
  void take(const sinks::Record& record);
  // Writes what waits.
  void finish();

 private:
  void write_until(std::int64_t t_ms);
  void write_cue(const Caption& caption);

  std::ostream& out_;
  const CaptionFormat format_;
  const std::chrono::nanoseconds utc_zero_;
  int cues_ = 0;
  std::map<std::string, std::int64_t> open_;            // start of each open record, by id
  std::multimap<std::int64_t, sinks::Record> waiting_;  // by start
};

// A stream id made of a file's name: what an id may not hold becomes '-'.
std::string stream_id_of(const std::filesystem::path& file);

}  // namespace vedette::daemon::files
