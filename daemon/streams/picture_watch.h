#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.h"
#include "daemon/streams/feed.h"
#include "models/preprocess/frame_sampling.h"
#include "models/runtime/image_encoding.h"
#include "signals/change_measure.h"
#include "signals/motion_meter.h"

namespace vedette::daemon::streams {

struct PictureWatchOptions {
  std::string stream;             // id, for the log
  double rate_hz = 1.0;           // pictures for the encoder, above 0
  bool motion = true;             // measured at 5 per second
  double least_change = 0.01;     // share of the picture that must change for it to be encoded; 0: each is
  std::size_t most_encoding = 2;  // pictures at the encoder; further ones are lost
  bool in_step = false;           // nothing is lost: look() waits for the encoder
};

// What one stream does with its decoded pictures, on both roads: measures health and motion on a small grey
// copy, holds back what did not change, has the rest encoded, and hands on what was seen in order of time.
// `wants` and `look` are for one thread each; hooks are called on that of `look`, and `on_seen` also on the
// encoder's, but by one at a time.
class PictureWatch {
 public:
  struct Hooks {
    std::function<void(base::MediaTime, const signals::LumaFrame&)> on_look;  // about one per second
    signals::MotionSink on_motion;
    std::function<void(SeenFrame)> on_seen;
  };

  // `seeing` may be null: then what was seen has no tokens.
  PictureWatch(const PictureWatchOptions& options, std::shared_ptr<models::runtime::ImageEncoding> seeing,
               Hooks hooks);
  ~PictureWatch();  // waits for what is at the encoder
  PictureWatch(const PictureWatch&) = delete;
  PictureWatch& operator=(const PictureWatch&) = delete;

  // Whether anything is to be done with the picture of this time: ask once for each, before converting it.
  bool wants(base::MediaTime time);
  // A picture that was wanted.
  void look(base::MediaTime time, models::runtime::ImageFrame picture);
  // The epoch ends: closes what is open, after what is at the encoder.
  void finish();

 private:
  struct Slot {
    SeenFrame frame;
    bool done = false;
  };

  void measure(base::MediaTime time, const signals::LumaFrame& small);
  void sample(base::MediaTime time, models::runtime::ImageFrame picture, const signals::LumaFrame& small);
  void encode(SeenFrame frame);
  void add(SeenFrame frame, std::unique_lock<std::mutex>& lock);
  void deliver(std::unique_lock<std::mutex>& lock);

  const PictureWatchOptions options_;
  const std::shared_ptr<models::runtime::ImageEncoding> seeing_;
  const Hooks hooks_;
  models::preprocess::FrameSamplingPolicy looks_, health_, samples_;
  signals::SmallLuma small_;
  signals::ChangeMeasure change_;
  std::optional<signals::MotionMeter> motion_;
  std::optional<base::MediaTime> newest_;     // that was looked at
  std::optional<std::uint32_t> asked_epoch_;  // by `wants`
  std::uint32_t lost_ = 0;

  std::mutex mutex_;  // guards the rest
  std::condition_variable encoded_;
  std::deque<std::shared_ptr<Slot>> slots_;  // in order of time
  std::size_t encoding_ = 0;
  bool delivering_ = false;
};

}  // namespace vedette::daemon::streams
