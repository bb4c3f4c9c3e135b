#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>

#include "daemon/settings/settings.h"
#include "daemon/streams/branches.h"
#include "daemon/streams/gst_handles.h"
#include "daemon/streams/sender_clock.h"
#include "daemon/streams/source.h"
#include "daemon/streams/stream_figures.h"
#include "gst-plugins/runtime_context.h"

namespace vedette::daemon::streams {

// Finds GStreamer's plugins and ours: libgstvedette.so lies in gstreamer-1.0/ beside the library that this is
// in, or where GStreamer looks by itself. Call once, before the first pipeline. Throws: std::runtime_error
// when ours is not found.
void start_gstreamer();

// One connection's GStreamer pipeline: the source, and a branch for its sound and its picture as they come.
// Built when constructed, on its way when `play` was called, gone when destroyed. One thread; the hooks come
// on GStreamer's.
class Pipeline {
 public:
  struct Hooks {
    MediaHooks media;
    SenderReportTold on_sender_report;
  };

  // Throws: as make_source and the branches. `hooks` must outlive the pipeline.
  Pipeline(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime, const Hooks& hooks);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void play();
  // Ends all of its threads; nothing comes any more.
  void stop();
  // The next message of the bus; null when none came in that time.
  GstPtr<GstMessage> wait(std::chrono::milliseconds longest);
  // Running time now.
  std::chrono::nanoseconds running_time() const;
  // Tells vedaudiowindow what is settled.
  void settle(std::uint32_t epoch, std::chrono::nanoseconds until);
  // Ends the source, then waits until what is under way has come out, or for `longest`.
  void drain(std::chrono::milliseconds longest);

  // What the elements have counted so far.
  ElementCounters counters() const;

  const Source& source() const { return source_; }
  bool live() const { return source_.live; }
  bool has_sound() const { return has_sound_; }
  bool has_picture() const { return has_picture_; }
  bool knows_tracks() const { return knows_tracks_; }  // the source said which tracks there are

 private:
  void add_branch(GstPad* pad);
  GstElement* make_branch(GstPad* pad);
  GstPtr<GstElement> child_of(const GstPtr<GstElement>& branch, const char* name) const;
  void drain_pictures(std::chrono::steady_clock::time_point end) const;

  const settings::StreamSettings& stream_;
  const gst::RuntimeHandle runtime_;
  const Hooks& hooks_;
  SourceCallbacks callbacks_;
  Source source_;
  GstPtr<GstElement> pipeline_;
  GstPtr<GstBus> bus_;
  mutable std::mutex branches_mutex_;   // guards the next
  GstPtr<GstElement> sound_, picture_;  // the branches that models work in
  std::atomic<bool> has_sound_{false}, has_picture_{false}, knows_tracks_{false};
};

}  // namespace vedette::daemon::streams
