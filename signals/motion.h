#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/time.h"

namespace vedette::signals {

// What is measured about movement in a stream's picture, without any model.
enum class MotionKind : std::uint8_t {
  kThings,  // things move through a still picture
  kCamera,  // the whole picture moves: the camera shakes or turns
  kLight,   // the light was switched
  kSpecks,  // many tiny short-lived changes: rain, snow, noise
  kView,    // another picture altogether: a cut, a covered lens, a camera turned at once
};

enum class Direction : std::uint8_t {
  kUnsure,
  kLeftToRight,
  kRightToLeft,
  kUp,
  kDown,
  kNearer,
  kAway,
  kDifferent
};

enum class Region : std::uint8_t { kLeft, kMiddle, kRight };

// One thing of an event. `enters` and `leaves`: over the picture's edge, in the time of this event.
struct MovingThing {
  Direction direction = Direction::kUnsure;
  Region region = Region::kMiddle;  // where it was last
  bool enters = false, leaves = false;

  friend bool operator==(const MovingThing&, const MovingThing&) = default;
};

enum class MotionPhase : std::uint8_t { kOpen, kUpdate, kClose };

// Something moved, after hysteresis. Each event opens once, may be updated, and closes once before the next
// of its kind opens; kLight and kView open and close at one time. Events of one kind never overlap.
struct MotionEvent {
  static constexpr std::size_t kMostThings = 8;  // more are counted together

  MotionKind kind{};
  MotionPhase phase{};
  base::MediaTime start, end;  // `end` is the last time it was seen, when not yet closed
  int count = 0;               // kThings: the most that moved at once
  Direction
      direction{};  // of all things; kDifferent when they disagree. kCamera: of the view, kUnsure: shakes
  Region region = Region::kMiddle;      // kThings: of the thing that moved farthest
  bool enters = false, leaves = false;  // any of the things
  bool brighter = false;                // kLight: switched on rather than off
  std::vector<MovingThing> things;      // min(count, kMostThings), the farthest mover first
  float score = 0.0F;                   // 0 to 1: how far above its threshold the movement is
};

// Receives events on the thread that feeds the measurement; must not block.
using MotionSink = std::function<void(const MotionEvent&)>;

// The words of timeline facts, in one place: "[<tag> 12.0-14.5] <words>".
const char* tag_of(MotionKind kind);             // "moves", "camera", "light", "specks", "view"
const char* words_of(Direction direction);       // "right to left"; "" for kUnsure
const char* words_of(Region region);             // "left", "middle", "right"
std::string words_of(const MotionEvent& event);  // "one thing, right to left, enters"

}  // namespace vedette::signals
