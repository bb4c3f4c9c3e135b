#pragma once

#include <cstdint>
#include <mutex>

namespace vedette::daemon::streams {

// What the elements of one connection counted: windows by what became of them, and what the sound was like.
struct ElementCounters {
  std::uint64_t encoded = 0, silent = 0, superseded = 0, flushed = 0, failed = 0;  // of vedaudioencoder
  std::uint64_t moved_on = 0, epochs = 0;  // of vedaudiowindow, as below
  std::uint64_t gap_samples = 0, overlap_samples = 0;

  ElementCounters& operator+=(const ElementCounters& other);
};

// The counters of one stream over all its connections, and whether its first attempt has come to something.
// Thread-safe.
class StreamFigures {
 public:
  // Of the connection that runs, so far.
  void set_running(const ElementCounters& counters);
  // That connection is over.
  void end_connection();
  ElementCounters counters() const;

  // Media came, or the attempt failed.
  void set_tried();
  bool tried() const;

 private:
  mutable std::mutex mutex_;
  ElementCounters ended_, running_;
  bool tried_ = false;
};

}  // namespace vedette::daemon::streams
