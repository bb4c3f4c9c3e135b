#include "signals/tracks.h"

#include <algorithm>
#include <cmath>

namespace vedette::signals {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kSettling{1'000'000'000};  // what is seen so soon after the beginning was there before
constexpr nanoseconds kMovesWithin{1'000'000'000};  // movement is way per this time
constexpr float kLargestJump = 2.3F;  // logarithm of how much a thing's area changes from look to look
constexpr float kStraight = 0.5F;     // least ratio of the way from end to end to the way walked

float seconds(nanoseconds t) {
  return std::chrono::duration<float>(t).count();
}

bool touches_edge(const Blob& blob, int width, int height, int edge) {
  return blob.left <= edge || blob.top <= edge || blob.left + blob.width >= width - edge ||
         blob.top + blob.height >= height - edge;
}

struct Place {
  float x, y, width, height;
};

Place predicted(const Track& track, nanoseconds t) {
  const TrackPoint& last = track.path.back();
  const float ahead = std::min(seconds(t - last.t), 1.0F);
  return {last.blob.x + track.velocity_x * ahead, last.blob.y + track.velocity_y * ahead,
          static_cast<float>(last.blob.width), static_cast<float>(last.blob.height)};
}

// Pixels between the box around a place and a blob; 0 when they overlap.
float gap(const Place& place, const Blob& blob) {
  const float x =
      std::abs(place.x - (static_cast<float>(blob.left) + 0.5F * static_cast<float>(blob.width))) -
      0.5F * (place.width + static_cast<float>(blob.width));
  const float y =
      std::abs(place.y - (static_cast<float>(blob.top) + 0.5F * static_cast<float>(blob.height))) -
      0.5F * (place.height + static_cast<float>(blob.height));
  return std::max({x, y, 0.0F});
}

float way(const Blob& from, const Blob& to) {
  return std::hypot(to.x - from.x, to.y - from.y);
}

// Something large wobbles by more than something small.
float least_way_of(const Blob& blob, const TrackRules& rules) {
  return std::max(rules.least_way, 0.35F * static_cast<float>(std::min(blob.width, blob.height)));
}

bool grows(const Blob& from, const Blob& to) {
  constexpr float kGrown = 1.12F;
  return static_cast<float>(to.width) > kGrown * static_cast<float>(from.width) &&
         static_cast<float>(to.height) > kGrown * static_cast<float>(from.height);
}

// Coming nearer is growing on the spot, second after second: what sways grows and shrinks. What shrinks on
// the spot may as well be taken for background.
bool comes_nearer(const Track& track) {
  const TrackPoint& now = track.path.back();
  if (track.at_edge || now.t - track.path.front().t < 2 * kMovesWithin) return false;
  const auto at = [&](nanoseconds t) { return std::ranges::lower_bound(track.path, t, {}, &TrackPoint::t); };
  const Blob& before = at(now.t - 2 * kMovesWithin)->blob;
  const Blob& between = at(now.t - kMovesWithin)->blob;
  return grows(before, between) && grows(between, now.blob);
}

// What moves changes the picture; what was left behind, or is taken for background bit by bit, does not.
bool is_active(const Blob& blob) {
  return blob.active >= 3 && blob.active * 50 >= blob.area;
}

void judge(Track& track, const TrackRules& rules) {
  const TrackPoint& now = track.path.back();
  if (track.hits < rules.least_hits) return;
  auto then = track.path.begin();
  while (now.t - then->t > kMovesWithin) ++then;
  float walked = 0.0F;
  for (auto point = then; std::next(point) != track.path.end(); ++point) {
    walked += way(point->blob, std::next(point)->blob);
  }
  const float went = way(then->blob, now.blob);
  const bool steady = went >= kStraight * walked;
  // The way needed is for a full second; something that moves already may slow down.
  const float needed = least_way_of(now.blob, rules) * (track.moves ? 0.5F : 1.0F);
  const bool moves = is_active(now.blob) && ((went >= needed && steady) || comes_nearer(track));
  if (moves) {
    if (!track.moves) track.moved_since = then->t;
    track.moved_until = now.t;
    track.confirmed = true;
  }
  track.moves = moves;
}

}  // namespace

std::vector<Tracks::Match> Tracks::matches(nanoseconds t, std::span<const Blob> blobs) const {
  std::vector<Match> all;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    const Track& track = tracks_[i];
    const Place place = predicted(track, t);
    const Blob& last = track.path.back().blob;
    const float speed = std::hypot(track.velocity_x, track.velocity_y);
    const float since = std::min(seconds(t - track.path.back().t), 1.0F);
    const float size = std::max(place.width, place.height);
    const float gate = 6.0F + 0.5F * size + since * (track.hits < 3 ? 60.0F : 10.0F + 0.5F * speed);
    for (std::size_t j = 0; j < blobs.size(); ++j) {
      const Blob& blob = blobs[j];
      const float off = std::min(std::hypot(blob.x - place.x, blob.y - place.y),
                                 gap(place, blob) + 0.5F * std::hypot(blob.x - place.x, blob.y - place.y));
      if (off > gate) continue;
      const float size_ratio =
          std::abs(std::log(static_cast<float>(blob.area) / static_cast<float>(last.area)));
      if (size_ratio > kLargestJump && !track.at_edge) continue;
      all.push_back({i, j, off / gate + 0.3F * size_ratio - (track.confirmed ? 0.3F : 0.0F)});
    }
  }
  std::ranges::sort(all, {}, &Match::cost);
  return all;
}

void Tracks::extend(Track& track, nanoseconds t, const Blob& blob, bool at_edge) {
  const TrackPoint& last = track.path.back();
  const float apart = std::max(seconds(t - last.t), 1e-3F);
  const float blend = track.hits == 1 ? 1.0F : 0.5F;
  track.velocity_x += blend * ((blob.x - last.blob.x) / apart - track.velocity_x);
  track.velocity_y += blend * ((blob.y - last.blob.y) / apart - track.velocity_y);
  track.path.push_back({t, blob});
  if (track.path.size() > kLongestPath) track.path.pop_front();
  ++track.hits;
  track.at_edge = at_edge;
}

void Tracks::begin(nanoseconds t, const Blob& blob, bool at_edge) {
  if (tracks_.size() >= kMost) return;
  Track track;
  track.id = next_id_++;
  track.first = {t, blob};
  track.path.push_back(track.first);
  track.hits = 1;
  track.from_edge = track.at_edge = at_edge;
  track.was_there = t - began_ < kSettling;
  track.moved_since = track.moved_until = t;
  tracks_.push_back(std::move(track));
}

// A part of something known that broke off for a look: a leg, a bright window.
bool Tracks::belongs_to_known(nanoseconds t, const Blob& blob, std::span<const std::size_t> matched) const {
  return std::ranges::any_of(matched, [&](std::size_t i) {
    const Track& track = tracks_[i];
    const Blob& last = track.path.back().blob;
    return track.confirmed && last.area > blob.area && gap(predicted(track, t), blob) < 3.0F;
  });
}

std::vector<Track> Tracks::update(nanoseconds t, std::span<const Blob> blobs, int width, int height,
                                  const TrackRules& rules) {
  if (fresh_) {
    began_ = t;
    fresh_ = false;
  }
  std::vector<bool> track_taken(tracks_.size()), blob_taken(blobs.size());
  std::vector<std::size_t> matched;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const Match& match : matches(t, blobs)) {
    if (track_taken[match.track] || blob_taken[match.blob]) continue;
    track_taken[match.track] = blob_taken[match.blob] = true;
    matched.push_back(match.track);
    pairs.emplace_back(match.track, match.blob);
  }
  std::vector<std::size_t> rest;
  for (std::size_t j = 0; j < blobs.size(); ++j) {
    if (!blob_taken[j] && !belongs_to_known(t, blobs[j], matched)) rest.push_back(j);
  }
  for (const auto& [i, j] : pairs) {
    extend(tracks_[i], t, blobs[j], touches_edge(blobs[j], width, height, rules.edge));
    judge(tracks_[i], rules);
  }
  // Hidden in or behind another's blob: it goes on as it went.
  for (std::size_t i = 0; i < track_taken.size(); ++i) {
    if (!track_taken[i])
      tracks_[i].moves = tracks_[i].moves && t - tracks_[i].moved_until < rules.forget_after;
  }
  for (const std::size_t j : rest) begin(t, blobs[j], touches_edge(blobs[j], width, height, rules.edge));
  std::vector<Track> ended;
  std::erase_if(tracks_, [&](Track& track) {
    const bool gone =
        t - track.path.back().t >= (track.confirmed ? rules.forget_after : rules.forget_after / 2);
    if (gone && track.confirmed) ended.push_back(std::move(track));
    return gone;
  });
  return ended;
}

void Tracks::reset() {
  tracks_.clear();
  fresh_ = true;
}

}  // namespace vedette::signals
