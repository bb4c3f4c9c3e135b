#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/files/captioner.h"
#include "sinks/record.h"

namespace vedette::daemon::files {

enum class CaptionFormat : std::uint8_t { kText, kJsonLines, kSrt, kVtt };

// Empty for a name that is none of "text", "jsonl", "srt", "vtt".
std::optional<CaptionFormat> caption_format(std::string_view name);

// What subtitles bear: longer captions are cut between words, at punctuation where there is some.
struct SubtitleLimits {
  std::size_t most_characters = 84;  // two lines of 42
  std::chrono::nanoseconds longest = std::chrono::seconds(7);
};
std::vector<Caption> split(const Caption& caption, const SubtitleLimits& limits = {});

// Writes captions as they come, in one of the formats. JSON lines are transcript records as Redis gets them,
// with `stream` and UTC zero as given. Not thread-safe; the stream must outlive it.
class CaptionWriter {
 public:
  struct Source {
    std::string stream;                    // id of the records
    std::string model;                     // that heard the words
    std::chrono::nanoseconds utc_zero{0};  // of the file's first sample, since 1970
  };
  // Writes the format's head, if it has one.
  CaptionWriter(std::ostream& out, CaptionFormat format, Source source);

  void write(const Caption& caption);

 private:
  void write_record(const Caption& caption);
  void write_cue(const Caption& caption);

  std::ostream& out_;
  const CaptionFormat format_;
  const Source source_;
  sinks::RecordIds ids_;
  int cues_ = 0;
};

// A stream id made of a file's name: what an id may not hold becomes '-'.
std::string stream_id_of(const std::filesystem::path& file);

}  // namespace vedette::daemon::files
