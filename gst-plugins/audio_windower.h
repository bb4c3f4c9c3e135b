#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "models/preprocess/audio_window.h"

namespace vedette::gst {

// What is behind the GObject of vedaudiowindow: timestamps on the way in, the windowing policy, buffers on
// the way out. All but `settle` and `counters` run on the streaming thread.
class AudioWindower {
 public:
  struct Counters {
    std::uint64_t windows = 0, silent = 0, moved_on = 0, epochs = 0;
    std::int64_t gap_samples = 0,
                 overlap_samples = 0;  // silence put in for lost sound; sound that came twice
  };

  AudioWindower(GstElement* element, GstPad* src) : element_(element), src_(src) {}

  // Throws: std::invalid_argument for an option out of range.
  void start(const models::preprocess::AudioWindowOptions& options);
  void stop();

  GstFlowReturn take(GstBuffer* buffer);              // owns `buffer`
  void gap(GstClockTime pts, GstClockTime duration);  // the source says: no sound here
  // The segment of what comes next; ends the epoch if it does not go on where the running one stands.
  void set_segment(const GstSegment& segment);
  void finish();                                                // the last window; the epoch ends
  void flush();                                                 // forgets everything; the epoch ends
  void settle(std::uint32_t epoch, GstClockTime running_time);  // any thread
  // Ends a wait for `settle`, which whole windows ask for, and all waits until start or flush. Any thread.
  void interrupt();
  Counters counters() const;  // any thread

 private:
  bool align(GstClockTime pts, std::size_t* skip);
  void open_epoch(GstClockTime pts, GstClockTime running_time);
  void apply_settled();
  void push(models::preprocess::CutWindow window);
  void await_settled(std::uint64_t answers_before);
  GstClockTime next_pts() const;

  GstElement* const element_;
  GstPad* const src_;
  std::optional<models::preprocess::AudioWindowPolicy> policy_;
  bool whole_ = false;  // as the options say
  GstSegment segment_{};
  bool has_segment_ = false;

  bool open_ = false;                                    // an epoch runs
  bool first_window_ = true;                             // of the epoch
  std::atomic<std::uint32_t> epoch_{0};                  // number of the running or of the next epoch
  GstClockTime epoch_pts_ = 0, epoch_running_time_ = 0;  // of its first sample
  GstFlowReturn flow_ = GST_FLOW_OK;

  mutable std::mutex mutex_;  // guards what follows
  std::uint32_t settled_epoch_ = 0;
  GstClockTime settled_ = 0;
  std::uint64_t answers_ = 0;  // settled times that came
  bool interrupted_ = false;
  std::condition_variable settled_changed_;
  Counters counters_;
};

}  // namespace vedette::gst
