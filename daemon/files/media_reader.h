#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace vedette::daemon::files {

// What a file says about its sound before it is read.
struct MediaInfo {
  std::string container, codec;
  int sample_rate_hz = 0, channels = 0;
  std::optional<std::chrono::nanoseconds> duration;      // as the container claims
  std::optional<std::chrono::nanoseconds> creation_utc;  // since 1970, of the first sample
};

// Reads the sound of a media file with FFmpeg: the best audio stream, as 16 kHz mono. What is missing between
// two packets becomes silence, so that sample n always stands for n / 16000 s of the file. A packet that
// cannot be decoded is counted and skipped. Not thread-safe.
class MediaReader {
 public:
  static constexpr int kSampleRateHz = 16000;

  // Throws: std::runtime_error naming the file: missing, not a media file, a codec that is not there; without
  // sound, unless `may_be_silent`.
  explicit MediaReader(const std::filesystem::path& file, bool may_be_silent = false);
  ~MediaReader();
  MediaReader(const MediaReader&) = delete;
  MediaReader& operator=(const MediaReader&) = delete;

  const MediaInfo& info() const;
  bool has_sound() const;  // false: nothing to read
  // Appends the next samples, in [-1, 1]. False: the file has ended. Throws: std::runtime_error when the file
  // ends without one sample that could be decoded, or cannot be read on.
  bool read(std::vector<float>& samples);
  std::int64_t samples() const;         // given so far
  std::int64_t broken_packets() const;  // skipped so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vedette::daemon::files
