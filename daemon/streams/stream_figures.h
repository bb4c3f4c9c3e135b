#pragma once

#include <atomic>
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

// The counters of one stream over all its connections, whether its first attempt has come to something, and
// how many of its pictures are wanted. Thread-safe.
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

  // Share of the pictures that are to be sampled, above 0 to 1.
  void set_picture_share(double share) { picture_share_ = share; }
  double picture_share() const { return picture_share_; }

 private:
  mutable std::mutex mutex_;
  ElementCounters ended_, running_;
  bool tried_ = false;
  std::atomic<double> picture_share_{1.0};
};

}  // namespace vedette::daemon::streams
