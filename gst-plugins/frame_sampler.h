#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <mutex>
#include <optional>

#include "models/preprocess/frame_sampling.h"
#include "signals/change_measure.h"

namespace vedette::gst {

// What is behind the GObject of vedframesampler: the sampling policy, fed with buffers. All but `counters`
// run on the streaming thread. Compares small grey pictures only: 0.2 ms for a frame of 1920x1080 that is
// due and gated.
class FrameSampler {
 public:
  struct Counters {
    std::uint64_t frames = 0, kept = 0, unchanged = 0;  // all that came; passed on; due, but gated
    std::uint64_t units_dropped = 0;                    // encoded ones that need no decoding
    std::uint64_t untimed = 0;                          // without a time in the segment
  };

  // Throws: std::invalid_argument for an option out of range.
  void start(const models::preprocess::FrameSamplingOptions& options);
  void stop();

  // The format of what comes next. Throws: std::runtime_error for a raw format that the gate cannot look at.
  void set_caps(const GstCaps* caps);
  void flush();  // what comes next is another stream

  struct Verdict {
    bool due = false;     // it is looked at
    bool kept = false;    // it is passed on; of raw video only where it is due
    double change = 1.0;  // share of the picture that changed; 1 without the gate
  };
  // `running_time`: of the buffer's PTS in the segment.
  Verdict look(GstBuffer* buffer, GstClockTime running_time);
  Counters counters() const;  // any thread

 private:
  Verdict look_raw(GstBuffer* buffer, std::chrono::nanoseconds time);
  // Share of the picture that changed. Throws: std::runtime_error for a frame that cannot be read.
  double change(GstBuffer* buffer);
  void count(std::uint64_t Counters::*counter);

  std::optional<models::preprocess::FrameSamplingPolicy> policy_;
  std::optional<GstVideoInfo> info_;  // of raw video; none when it is encoded
  signals::SmallLuma small_;
  signals::ChangeMeasure measure_;

  mutable std::mutex mutex_;  // guards what follows
  Counters counters_;
};

}  // namespace vedette::gst
