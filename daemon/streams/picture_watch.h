#pragma once

#include <functional>
#include <optional>

#include "base/time.h"
#include "daemon/settings/settings.h"
#include "models/preprocess/frame_sampling.h"
#include "models/preprocess/frame_view.h"
#include "signals/motion_meter.h"
#include "signals/picture_measures.h"

namespace vedette::daemon::streams {

// Share of the picture that must change since the last encoded one for another to be encoded.
inline constexpr double kLeastChange = 0.01;
// Pictures per second that are looked at, of a stream that samples `rate_hz`.
double looks_hz(double rate_hz, bool motion);
// Where key frames alone are decoded nothing is seen to move.
bool measures_motion(const settings::StreamSettings& stream);

// What is measured without a model on one stream's pictures, on both roads: health and motion, on a small
// grey copy; faults that it hides on the whole picture. For one thread, which the hooks are called on.
class PictureWatch {
 public:
  struct Hooks {
    // About one per second, whole and small.
    std::function<void(base::MediaTime, const signals::WholePicture&, const signals::LumaFrame&)> on_look;
    signals::MotionSink on_motion;
  };

  PictureWatch(bool motion, Hooks hooks);

  // A picture that is looked at. False: its time does not go on; it is to be left out.
  bool look(base::MediaTime time, const models::preprocess::FrameView& picture);
  // That picture, small and grey; valid until the next.
  const signals::LumaFrame& small() const { return small_; }
  // The epoch ends: closes what is open. The time of the newest picture; nothing when none came.
  std::optional<base::MediaTime> finish();

 private:
  const Hooks hooks_;
  models::preprocess::FrameSamplingPolicy health_;
  signals::SmallLuma shrink_;
  signals::LumaFrame small_;
  std::optional<signals::MotionMeter> motion_;
  std::optional<base::MediaTime> newest_;
};

}  // namespace vedette::daemon::streams
