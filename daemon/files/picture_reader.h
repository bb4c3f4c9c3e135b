#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "models/runtime/image_encoding.h"

namespace vedette::daemon::files {

// Reads the pictures of a media file with FFmpeg: those of the best video stream, in order of time, upright,
// of 8 bits and square pixels, without the second field of interlaced ones. A packet that cannot be decoded,
// and a picture whose time does not go on or is over an hour ahead, is counted and skipped. Not thread-safe.
class PictureReader {
 public:
  struct Picture {
    std::chrono::nanoseconds time{0};  // of the file; GStreamer's running time of it
    models::runtime::ImageFrame frame;
  };

  // Throws: std::runtime_error naming the file: missing, not a media file, a codec that is not there.
  explicit PictureReader(const std::filesystem::path& file);
  ~PictureReader();
  PictureReader(const PictureReader&) = delete;
  PictureReader& operator=(const PictureReader&) = delete;

  bool has_pictures() const;  // false: the file has none
  // Goes to the last key picture at or before a time: the next one read. Throws: std::runtime_error.
  void seek(std::chrono::nanoseconds time);
  // The next picture that `wants` says is wanted by its time; only these are converted. Nothing: the file has
  // ended. Throws: std::runtime_error for pictures that cannot be shown: too large, of no known form.
  std::optional<Picture> read(const std::function<bool(std::chrono::nanoseconds)>& wants);
  std::int64_t broken() const;  // skipped so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vedette::daemon::files
