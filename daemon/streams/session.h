#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "daemon/settings/settings.h"
#include "daemon/streams/failure.h"
#include "daemon/streams/feed.h"
#include "daemon/streams/health_monitor.h"
#include "daemon/streams/picture_thinning.h"
#include "daemon/streams/picture_watch.h"
#include "daemon/streams/pipeline.h"
#include "daemon/streams/stream_clock.h"
#include "daemon/streams/stream_figures.h"
#include "gst-plugins/runtime_context.h"

namespace vedette::daemon::streams {

// One connection of one stream, from the first attempt to its end: runs the pipeline, watches its bus, maps
// its time to UTC, measures its health, and hands windows to the feed. `run` blocks; the feed is called from
// the pipeline's threads and from the caller's, one at a time.
class Session {
 public:
  // How it ended.
  struct Outcome {
    Failure failure;
    bool ran = false;              // media came
    std::uint32_t next_epoch = 0;  // for the next connection
  };

  // `stream`, `feed` and `figures` must outlive the session. Epochs are counted from `first_epoch`.
  Session(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime, Feed& feed,
          StreamFigures& figures, std::uint32_t first_epoch);

  // Returns at the latest 4 s after `stop` was asked for.
  Outcome run(const std::stop_token& stop);

 private:
  using Nanoseconds = std::chrono::nanoseconds;

  Failure watch(Pipeline& pipeline, const std::stop_token& stop);
  void count_flow(bool in_bursts);
  std::optional<Failure> on_message(GstMessage* message);
  void read_tags(const GstTagList* tags);
  void on_window(GstBuffer* buffer);
  PictureWatch::Hooks picture_hooks();
  void wait_for_seen() const;
  void wait_for_sound(Nanoseconds picture);
  void wait_for_pictures(Nanoseconds until);
  std::optional<std::uint32_t> on_look(Nanoseconds time, const models::runtime::ImageFrame& picture);
  bool is_thinned(Nanoseconds time) {
    return !stream_.reads_fast() &&
           thinning_.leaves_out(time, stream_.video_rate_hz, figures_.picture_share());
  }
  void on_seen(GstBuffer* buffer, GstCaps* caps);
  void finish_pictures();
  void enter_epoch(std::uint32_t epoch);
  void answer_window();
  void came_to(Nanoseconds time);
  void sample_clock();
  void tick();
  void tell_settled();
  void tell_clock();
  std::optional<Failure> check_flow();
  void set_status(StreamState state, const std::string& reason);
  void tell_warning(GstMessage* message) const;

  const settings::StreamSettings& stream_;
  const gst::RuntimeHandle runtime_;
  StreamFigures& figures_;
  const std::uint32_t first_epoch_;

  std::mutex feed_mutex_;  // the feed is called by one thread at a time
  Feed& feed_;
  std::optional<StreamStatus> told_status_;

  StreamClock clock_;
  HealthMonitor health_;
  PictureWatch watch_;
  Pipeline::Hooks hooks_;
  Pipeline* pipeline_ = nullptr;  // while `run` runs

  std::atomic<std::uint32_t> epoch_;  // the running one
  std::atomic<bool> stopping_{false}, file_clock_told_{false}, doubts_camera_clock_{false};
  // Of a file that is read as fast as it can be: pictures are seen once the sound up to them is settled and
  // those before them are dealt with, and sound goes on once they are seen.
  std::atomic<std::int64_t> settled_sound_ns_{0}, picture_ns_{-1};
  std::atomic<std::uint64_t> sampled_{0}, seen_{0};  // pictures that went to the encoder, and came back
  std::atomic<bool> pictures_ended_{false};
  std::atomic<bool> ended_{false};               // the source has no more of a track
  std::atomic<std::uint64_t> media_buffers_{0};  // from the source
  std::atomic<std::uint64_t> flowed_{0};         // those, or what is played of a source that comes in bursts
  std::atomic<std::int64_t> newest_ns_{
      0};  // running time of the newest sound, or picture where there is no sound
  PictureThinning thinning_;
  std::uint64_t seen_flow_ = 0;
  std::chrono::steady_clock::time_point seen_at_, sampled_at_, ticked_at_;
  Nanoseconds settled_{-1};
  std::uint32_t settled_epoch_ = 0;
};

}  // namespace vedette::daemon::streams
