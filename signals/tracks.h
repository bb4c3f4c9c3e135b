#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "signals/scene.h"

namespace vedette::signals {

// Where something was at one look.
struct TrackPoint {
  std::chrono::nanoseconds t{0};
  Blob blob;
};

// One thing that is followed from look to look.
struct Track {
  std::uint64_t id = 0;
  std::deque<TrackPoint> path;                 // the newest Tracks::kLongestPath points
  TrackPoint first;                            // where it was first seen
  float velocity_x = 0.0F, velocity_y = 0.0F;  // pixels per second
  int hits = 0;                                // looks at which it was seen
  bool moves = false;                          // now
  bool confirmed = false;                      // it moved far and straight enough to be a thing that moves
  std::chrono::nanoseconds moved_since{0}, moved_until{0};  // of the present or last movement
  bool from_edge = false;                                   // first seen at the picture's edge
  bool at_edge = false;                                     // last seen there
  bool was_there = false;                                   // when looking began: it did not enter
};

struct TrackRules {
  float least_way = 5.0F;  // pixels to have gone before something counts as moving
  int least_hits = 3;      // looks to have been seen at
  std::chrono::nanoseconds forget_after{1'000'000'000};  // not seen for so long
  int edge = 2;                                          // pixels from the picture's edge that count as at it
};

// Joins the blobs of successive looks into tracks: greedily by predicted place, size and overlap. Two that
// meet in one blob go on as two until they part. Bounded; not thread-safe.
class Tracks {
 public:
  static constexpr std::size_t kMost = 32, kLongestPath = 64;

  // Takes one look's blobs; `width` and `height` are the picture's. Gives the tracks that ended with it.
  std::vector<Track> update(std::chrono::nanoseconds t, std::span<const Blob> blobs, int width, int height,
                            const TrackRules& rules);
  const std::vector<Track>& tracks() const { return tracks_; }
  // What comes next begins where it is seen first, not at the edge.
  void reset();

 private:
  struct Match {
    std::size_t track = 0, blob = 0;
    float cost = 0.0F;
  };
  std::vector<Match> matches(std::chrono::nanoseconds t, std::span<const Blob> blobs) const;
  void extend(Track& track, std::chrono::nanoseconds t, const Blob& blob, bool at_edge);
  void begin(std::chrono::nanoseconds t, const Blob& blob, bool at_edge);
  bool belongs_to_known(std::chrono::nanoseconds t, const Blob& blob,
                        std::span<const std::size_t> matched) const;

  std::vector<Track> tracks_;
  std::uint64_t next_id_ = 1;
  bool fresh_ = true;
  std::chrono::nanoseconds began_{0};
};

}  // namespace vedette::signals
