#include "signals/motion.h"

#include <algorithm>
#include <array>

namespace vedette::signals {

namespace {

std::string number_of_things(std::size_t count) {
  constexpr std::array<const char*, 5> kNumbers = {"no", "one", "two", "three", "four"};
  return std::string(count < kNumbers.size() ? kNumbers.at(count) : "many") +
         (count == 1 ? " thing" : " things");
}

// "one thing, middle, upwards, enters and leaves". Sideways movement needs no place.
std::string words_of(std::size_t count, const MovingThing& thing) {
  const bool sideways =
      thing.direction == Direction::kLeftToRight || thing.direction == Direction::kRightToLeft;
  std::string words = number_of_things(count);
  if (!sideways) words += std::string(", ") + words_of(thing.region);
  if (thing.direction != Direction::kUnsure) words += std::string(", ") + words_of(thing.direction);
  if (!thing.enters && !thing.leaves) return words;
  return words + (thing.enters && thing.leaves ? ", enters and leaves"
                  : thing.enters               ? ", enters"
                                               : ", leaves");
}

std::string words_of_things(const MotionEvent& event) {
  if (event.count > static_cast<int>(event.things.size()) || event.count > 4) {
    return number_of_things(static_cast<std::size_t>(event.count)) +
           (event.direction == Direction::kUnsure ? "" : std::string(", ") + words_of(event.direction));
  }
  std::string words;
  std::vector<MovingThing> said;
  for (const MovingThing& thing : event.things) {
    if (std::ranges::find(said, thing) != said.end()) continue;
    said.push_back(thing);
    const auto alike = static_cast<std::size_t>(std::ranges::count(event.things, thing));
    words += (words.empty() ? "" : "; ") + words_of(alike, thing);
  }
  return words;
}

}  // namespace

const char* tag_of(MotionKind kind) {
  switch (kind) {
    case MotionKind::kThings: return "moves";
    case MotionKind::kCamera: return "camera";
    case MotionKind::kLight: return "light";
    case MotionKind::kSpecks: return "specks";
    case MotionKind::kView: return "view";
  }
  return "moves";
}

const char* words_of(Direction direction) {
  switch (direction) {
    case Direction::kUnsure: return "";
    case Direction::kLeftToRight: return "left to right";
    case Direction::kRightToLeft: return "right to left";
    case Direction::kUp: return "upwards";
    case Direction::kDown: return "downwards";
    case Direction::kNearer: return "nearer";
    case Direction::kAway: return "away";
    case Direction::kDifferent: return "different ways";
  }
  return "";
}

const char* words_of(Region region) {
  switch (region) {
    case Region::kLeft: return "left";
    case Region::kMiddle: return "middle";
    case Region::kRight: return "right";
  }
  return "middle";
}

std::string words_of(const MotionEvent& event) {
  switch (event.kind) {
    case MotionKind::kThings: return words_of_things(event);
    case MotionKind::kCamera:
      return event.direction == Direction::kUnsure
                 ? std::string("the camera shakes")
                 : std::string("the camera turns, ") + words_of(event.direction);
    case MotionKind::kLight: return event.brighter ? "the light goes on" : "the light goes off";
    case MotionKind::kSpecks: return "many small specks, as of rain or snow";
    case MotionKind::kView: return "the picture is another";
  }
  return "";
}

}  // namespace vedette::signals
