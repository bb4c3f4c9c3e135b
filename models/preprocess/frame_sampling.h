#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace vedette::models::preprocess {

struct FrameSamplingOptions {
  double rate_hz = 1.0;                      // frames looked at per second, at most 1000; 0: every one
  std::chrono::nanoseconds min_interval{0};  // between kept frames; 0: none
  double least_change =
      0.0;  // share of the picture, 0 to 1, that must have changed since the kept frame; 0: any
  std::chrono::nanoseconds longest_unchanged{30'000'000'000};  // then one is kept though unchanged; 0: never
  // Key frames at most this far apart are enough, and nothing else needs decoding; 0: as far as `rate_hz`
  // says
  std::chrono::nanoseconds key_frames_within{0};
};

// Decides which frames of a stream are analysed, by their running time, before anything is scaled. A grid of
// looks at `rate_hz`: the first frame at or after each point is due. Of those, the gate keeps what changed.
// A step back in time of over two intervals begins anew. Used by vedframesampler and daemon/files alike, so
// that both keep the same frames of the same file. Not thread-safe.
class FrameSamplingPolicy {
 public:
  // Throws: std::invalid_argument naming the option and the range that it takes.
  explicit FrameSamplingPolicy(const FrameSamplingOptions& options);

  // Whether the frame is to be looked at. If so, ask `keep`, once.
  bool due(std::chrono::nanoseconds time);
  // Whether the frame, which was due, is kept. `change`: since the last kept frame
  // (signals/change_measure.h).
  bool keep(std::chrono::nanoseconds time, double change);
  // `keep` needs `change`.
  bool is_gated() const { return options_.least_change > 0.0; }

  // Before the decoder: whether this unit needs decoding. Key frames that are due always do; the others only
  // while key frames come too seldom. The first key frames are taken to come often enough.
  bool decode(std::chrono::nanoseconds time, bool is_key);

  // What comes next is another stream: its first frame is due and kept.
  void reset();

 private:
  const FrameSamplingOptions options_;
  std::chrono::nanoseconds interval_{0}, key_frames_within_{0};
  std::optional<std::chrono::nanoseconds> next_, kept_, last_key_;
  bool decode_all_ = false;
};

}  // namespace vedette::models::preprocess
