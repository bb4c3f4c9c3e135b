#include "signals/motion_meter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vedette::signals {

namespace {

using base::MediaTime;
using std::chrono::nanoseconds;

constexpr nanoseconds kLongestGap{2'000'000'000};  // between looks, over which nothing can be followed
constexpr nanoseconds kSpeckedAfter{1'000'000'000}, kSpecklessAfter{2'000'000'000};
constexpr std::size_t kJolts = 5;       // looks that a shaking is judged by
constexpr std::ptrdiff_t kShaking = 3;  // of which the picture must have jumped in so many
constexpr std::size_t kMostParts = 64;
constexpr int kLeastCells = 4;       // of 12, over which specks must be spread to be weather
constexpr float kGoesOn = 0.4F;      // of a step of light, in the look before or after, that makes it none
constexpr float kFarEnough = 0.05F;  // of the picture's width, for a direction to be sure
constexpr float kGrown = 1.3F;       // in height and width, of something that came nearer

Direction direction_of(const Blob& from, const Blob& to, bool cut_off, int width) {
  const float dx = to.x - from.x, dy = to.y - from.y;
  const auto ratio = [](int a, int b) { return static_cast<float>(b) / static_cast<float>(a); };
  const float wider = ratio(from.width, to.width), higher = ratio(from.height, to.height);
  const bool sideways_far = std::abs(dx) > 0.25F * static_cast<float>(width);
  if (!cut_off && !sideways_far && wider > kGrown && higher > kGrown) return Direction::kNearer;
  if (!cut_off && !sideways_far && wider < 1.0F / kGrown && higher < 1.0F / kGrown) return Direction::kAway;
  if (std::max(std::abs(dx), std::abs(dy)) < kFarEnough * static_cast<float>(width))
    return Direction::kUnsure;
  if (std::abs(dx) >= std::abs(dy)) return dx > 0.0F ? Direction::kLeftToRight : Direction::kRightToLeft;
  return dy > 0.0F ? Direction::kDown : Direction::kUp;
}

Region region_of(const Blob& blob, int width) {
  const float x = blob.x / static_cast<float>(width);
  return x < 1.0F / 3.0F ? Region::kLeft : x < 2.0F / 3.0F ? Region::kMiddle : Region::kRight;
}

bool at_edge(const Blob& blob, int width, int height) {
  return blob.left <= 2 || blob.top <= 2 || blob.left + blob.width >= width - 2 ||
         blob.top + blob.height >= height - 2;
}

float way(const Blob& from, const Blob& to) {
  return std::hypot(to.x - from.x, to.y - from.y);
}

}  // namespace

MotionMeter::MotionMeter(const MotionOptions& options, MotionSink sink)
    : options_(options), sink_(std::move(sink)), specked_(kSpeckedAfter, kSpecklessAfter) {}

bool MotionMeter::wants(MediaTime time) const {
  // A frame's length early is not too early: 5 looks a second of 25 frames are every fifth.
  constexpr nanoseconds kEarly{10'000'000};
  return !looked_ || looked_->epoch != time.epoch || time.t < looked_->t ||
         time.t - looked_->t >= options_.look_every - kEarly;
}

void MotionMeter::look(MediaTime time, const LumaFrame& frame) {
  require_complete(frame);
  const bool follows = looked_ && looked_->epoch == time.epoch && looked_->t < time.t &&
                       time.t - looked_->t <= kLongestGap && width_ == frame.width && height_ == frame.height;
  if (!follows) {
    close_all();
    scene_.reset();
    tracks_.reset();
    jolts_.clear();
    specked_ = Debounce(kSpeckedAfter, kSpecklessAfter);
    shift_x_ = shift_y_ = brightness_ = last_step_ = 0.0F;
    width_ = frame.width;
    height_ = frame.height;
  }
  const float unsteady = specks_ ? 2.5F : camera_ ? 2.0F : 1.0F;
  const auto pixels = static_cast<float>(frame.width) * static_cast<float>(frame.height);
  const int smallest = std::max(6, static_cast<int>(unsteady * options_.smallest_share * pixels));
  const SceneLook seen = scene_.look(frame, smallest);
  judge_camera(time, seen);
  judge_light(time, seen);
  judge_specks(time, seen);
  judge_things(time, seen, frame.width, frame.height);
  shift_x_ = seen.shift_x;
  shift_y_ = seen.shift_y;
  brightness_ = seen.relit ? 0.0F : seen.brightness;
  lost_ = seen.lost;
  looked_ = time;
}

void MotionMeter::finish() {
  close_all();
  looked_.reset();
}

MotionEvent& MotionMeter::open(std::optional<MotionEvent>& event, MotionKind kind, MediaTime start) {
  event.emplace();
  event->kind = kind;
  event->start = event->end = start;
  return *event;
}

void MotionMeter::close(std::optional<MotionEvent>& event) {
  if (!event) return;
  event->phase = MotionPhase::kClose;
  tell(*event);
  event.reset();
}

void MotionMeter::close_things() {
  if (things_) {
    describe(*things_);
    told_until_ = things_->end;
  }
  close(things_);
  parts_.clear();
}

void MotionMeter::close_all() {
  close_things();
  close(camera_);
  close(specks_);
  close(light_);
}

void MotionMeter::judge_camera(MediaTime time, const SceneLook& look) {
  const bool known = !look.lost && !lost_ && !look.relit;
  const float dx = known ? look.shift_x - shift_x_ : look.turned_x;
  const float dy = known ? look.shift_y - shift_y_ : look.turned_y;
  jolts_.push_back(std::hypot(dx, dy));
  if (jolts_.size() > kJolts) jolts_.pop_front();
  const float least = options_.least_shake * static_cast<float>(width_);
  const bool moves = std::ranges::count_if(jolts_, [&](float jolt) { return jolt >= least; }) >= kShaking;
  if (moves && !camera_) {
    turned_x_ = turned_y_ = 0.0F;
    MotionEvent& event = open(camera_, MotionKind::kCamera, looked_.value_or(time));
    event.score = 0.0F;
    tell(event);
  }
  if (camera_) {
    turned_x_ += dx;
    turned_y_ += dy;
    camera_->score = std::max(camera_->score, std::min(1.0F, jolts_.back() / (4.0F * least)));
    // The picture moves against the camera.
    const float far = std::max(std::abs(turned_x_), std::abs(turned_y_));
    if (far > 0.08F * static_cast<float>(width_)) {
      camera_->direction = std::abs(turned_x_) >= std::abs(turned_y_)
                               ? (turned_x_ < 0.0F ? Direction::kLeftToRight : Direction::kRightToLeft)
                               : (turned_y_ < 0.0F ? Direction::kDown : Direction::kUp);
    }
    if (jolts_.back() >= least) camera_->end = time;
    if (time.t - camera_->end.t >= options_.clear_after) close(camera_);
  }
  if (look.replaced && !camera_) {
    std::optional<MotionEvent> view;
    open(view, MotionKind::kView, time).score = 1.0F;
    close(view);
  }
}

// A switch is one step. A camera's exposure, and dusk, go on changing.
void MotionMeter::judge_light(MediaTime time, const SceneLook& look) {
  const bool known = !look.lost && !lost_ && (!look.learning || look.relit);
  const float step = known ? look.brightness - brightness_ : 0.0F;
  if (light_) {
    const bool goes_on = step * last_step_ > 0.0F && std::abs(step) > kGoesOn * std::abs(last_step_);
    if (!goes_on) close(light_);
    light_.reset();
  } else if (std::abs(step) >= options_.least_light && std::abs(last_step_) < kGoesOn * std::abs(step)) {
    MotionEvent& event = open(light_, MotionKind::kLight, time);
    event.brighter = step > 0.0F;
    event.score = std::min(1.0F, std::abs(step) / (3.0F * options_.least_light));
  }
  last_step_ = step;
}

void MotionMeter::judge_specks(MediaTime time, const SceneLook& look) {
  const bool many =
      !look.lost && !look.learning && look.specks >= options_.least_specks && look.speck_cells >= kLeastCells;
  if (specks_ && many) {
    specks_->end = time;
    specks_->score =
        std::min(1.0F, static_cast<float>(look.specks) / (3.0F * static_cast<float>(options_.least_specks)));
  }
  const auto changed = specked_.update(looked_ ? *looked_ : time, time, many);
  if (!changed) return;
  if (!specked_.active()) return close(specks_);
  open(specks_, MotionKind::kSpecks, *changed).end = time;
  tell(*specks_);
}

void MotionMeter::judge_things(MediaTime time, const SceneLook& look, int width, int height) {
  if (look.lost || look.relit) {
    close_things();
    tracks_.reset();
    return;
  }
  TrackRules rules;
  const bool wet = specks_ || (look.specks >= options_.least_specks && look.speck_cells >= kLeastCells);
  rules.least_way = options_.least_way * static_cast<float>(width) * (wet ? 2.0F : 1.0F);
  rules.least_hits = wet || camera_ ? 5 : 3;
  rules.edge = std::max(2, camera_ ? 8 : 2 + look.border);
  const bool blind = look.learning || std::abs(look.brightness - brightness_) >= options_.least_light;
  const std::vector<Track> ended =
      tracks_.update(time.t, blind ? std::span<const Blob>{} : std::span(look.blobs), width, height, rules);
  for (const Track& track : ended) {
    const auto part = parts_.find(track.id);
    if (part == parts_.end()) continue;
    part->second.leaves = track.at_edge && track.path.back().t - track.moved_until <= 2 * options_.look_every;
  }
  std::vector<const Track*> moving;
  bool newcomer = false, known = false;
  for (const Track& track : tracks_.tracks()) {
    const bool seen = track.path.back().t == time.t;
    if (!track.moves || (!seen && track.at_edge)) continue;
    moving.push_back(&track);
    known |= parts_.contains(track.id);
    newcomer |= things_ && !parts_.contains(track.id) && track.first.t > things_->end.t;
  }
  if (things_ && newcomer && !known && things_->count == 1) {
    // The one before is gone: another story.
    for (const Track& track : tracks_.tracks()) {
      const auto part = parts_.find(track.id);
      if (part != parts_.end() && track.at_edge) part->second.leaves = track.path.back().t < time.t;
    }
    close_things();
  }
  if (!moving.empty()) {
    const bool opens = !things_;
    if (opens) open(things_, MotionKind::kThings, time);
    const nanoseconds untold = told_until_.epoch == time.epoch ? told_until_.t : nanoseconds::min();
    for (const Track* track : moving) {
      if (opens) things_->start.t = std::min(things_->start.t, std::max(track->moved_since, untold));
      take_part(*track, things_->start.t);
    }
    const MotionEvent before = *things_;
    things_->count = std::max(things_->count, static_cast<int>(moving.size()));
    things_->end = time;
    describe(*things_);
    things_->phase = opens ? MotionPhase::kOpen : MotionPhase::kUpdate;
    if (opens || things_->count != before.count || things_->things != before.things) tell(*things_);
  }
  if (!things_) return;
  if (time.t - things_->end.t >= options_.clear_after) {
    close_things();
  } else if (time.t - things_->start.t >= options_.longest) {
    close_things();
  }
}

void MotionMeter::take_part(const Track& track, nanoseconds since) {
  if (!parts_.contains(track.id) && parts_.size() >= kMostParts) return;
  auto [place, added] = parts_.try_emplace(track.id);
  Part& part = place->second;
  if (added) {
    const auto from = std::ranges::find_if(
        track.path, [&](const TrackPoint& point) { return point.t >= std::max(track.moved_since, since); });
    part.from = from == track.path.end() ? track.path.back() : *from;
    part.enters = track.from_edge && !track.was_there && track.first.t >= since - options_.look_every;
  }
  part.to = track.path.back();
}

void MotionMeter::describe(MotionEvent& event) const {
  std::vector<const Part*> parts;
  for (const auto& [id, part] : parts_) parts.push_back(&part);
  std::ranges::stable_sort(parts, std::greater{},
                           [](const Part* part) { return way(part->from.blob, part->to.blob); });
  const auto told = std::min({parts.size(), static_cast<std::size_t>(event.count), MotionEvent::kMostThings});
  event.things.clear();
  event.enters = event.leaves = false;
  event.direction = Direction::kUnsure;
  for (std::size_t i = 0; i < told; ++i) {
    const Part& part = *parts[i];
    MovingThing thing;
    const bool cut_off = at_edge(part.from.blob, width_, height_) || at_edge(part.to.blob, width_, height_);
    thing.direction = direction_of(part.from.blob, part.to.blob, cut_off, width_);
    thing.region = region_of(part.to.blob, width_);
    thing.enters = part.enters;
    thing.leaves = part.leaves;
    event.enters |= thing.enters;
    event.leaves |= thing.leaves;
    if (i == 0) {
      event.direction = thing.direction;
      event.region = thing.region;
      event.score = std::min(
          1.0F, way(part.from.blob, part.to.blob) / (4.0F * options_.least_way * static_cast<float>(width_)));
    } else if (thing.direction != event.direction) {
      event.direction = Direction::kDifferent;
    }
    event.things.push_back(thing);
  }
}

}  // namespace vedette::signals
