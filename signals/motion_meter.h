#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "signals/change_measure.h"
#include "signals/debounce.h"
#include "signals/motion.h"
#include "signals/scene.h"
#include "signals/tracks.h"

namespace vedette::signals {

struct MotionOptions {
  std::chrono::nanoseconds look_every{200'000'000};     // pictures that come sooner are not looked at
  std::chrono::nanoseconds clear_after{1'200'000'000};  // without movement, an event closes
  std::chrono::nanoseconds longest{10'000'000'000};  // an event that lasts longer closes, and the next opens
  float smallest_share = 0.0012F;                    // of the picture that a thing covers at least
  float least_way = 0.03F;                           // of the picture's width that a thing goes at least
  float least_shake = 0.004F;  // of the picture's width from look to look, from which the camera shakes
  int least_specks = 9;        // tiny regions in one look that make rain or snow
  float least_light = 14.0F;   // levels of 255 from one look to the next that make a switched light
};

// Says how many things move in a stream's picture, where, which way, and whether they enter or leave; and
// tells from them the camera's own movement, switched lights, rain and snow, and cuts. Looks at a small
// picture (SmallLuma) a few times a second: at most 1 ms a look. One per stream; not thread-safe; memory
// about 1 MB. A new epoch, or a gap of over 2 s, begins anew, after closing what is open.
class MotionMeter {
 public:
  MotionMeter(const MotionOptions& options, MotionSink sink);

  // Whether `look_every` passed since the last look: ask before making the small picture.
  bool wants(base::MediaTime time) const;

  // Throws: std::invalid_argument as require_complete.
  void look(base::MediaTime time, const LumaFrame& frame);

  // Ends the stream: closes what is open.
  void finish();

 private:
  struct Part {  // one track's share in the open event
    TrackPoint from, to;
    bool enters = false, leaves = false;
  };
  struct Open {
    MotionEvent event;
    bool told = false;
  };

  void judge_things(base::MediaTime time, const SceneLook& look, int width, int height);
  void take_part(const Track& track, std::chrono::nanoseconds since);
  void describe(MotionEvent& event) const;
  void judge_camera(base::MediaTime time, const SceneLook& look);
  void judge_specks(base::MediaTime time, const SceneLook& look);
  void judge_light(base::MediaTime time, const SceneLook& look);
  MotionEvent& open(std::optional<MotionEvent>& event, MotionKind kind, base::MediaTime start);
  void close(std::optional<MotionEvent>& event);
  void close_things();
  void close_all();
  void tell(const MotionEvent& event) const { sink_(event); }

  const MotionOptions options_;
  const MotionSink sink_;
  Scene scene_;
  Tracks tracks_;
  int width_ = 0, height_ = 0;
  std::optional<base::MediaTime> looked_;

  std::optional<MotionEvent> things_, camera_, specks_;
  std::map<std::uint64_t, Part> parts_;  // of `things_`, by track; at most as many as there are tracks a look
  base::MediaTime told_until_;           // the end of the last event of things: the next begins no earlier
  std::deque<float> jolts_;              // shifts from look to look, of the last second
  float shift_x_ = 0.0F, shift_y_ = 0.0F, brightness_ = 0.0F;
  float turned_x_ = 0.0F, turned_y_ = 0.0F;  // of the view, since `camera_` opened
  bool lost_ = false;
  std::optional<MotionEvent> light_;  // a step that the next look must not go on with
  float last_step_ = 0.0F;
  Debounce specked_;
};

}  // namespace vedette::signals
