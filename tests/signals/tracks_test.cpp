#include "signals/tracks.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace vedette::signals {
namespace {

using namespace std::chrono_literals;

Blob box(int left, int top, int width = 10, int height = 16) {
  Blob blob;
  blob.left = left;
  blob.top = top;
  blob.width = width;
  blob.height = height;
  blob.area = blob.active = width * height;
  blob.x = static_cast<float>(left) + 0.5F * static_cast<float>(width);
  blob.y = static_cast<float>(top) + 0.5F * static_cast<float>(height);
  return blob;
}

struct TracksTest : testing::Test {
  std::vector<Track> look(const std::vector<Blob>& blobs) {
    now += 200ms;
    return tracks.update(now, blobs, 160, 90, rules);
  }
  void settle() {
    for (int n = 0; n < 8; ++n) look({});
  }
  Tracks tracks;
  TrackRules rules;
  std::chrono::nanoseconds now{0};
};

TEST_F(TracksTest, FollowsOneThing) {
  settle();
  std::vector<Track> ended;
  for (int x = 0; x < 150; x += 6) ended = look({box(x, 40)});
  ASSERT_EQ(tracks.tracks().size(), 1u);
  const Track& track = tracks.tracks().front();
  EXPECT_TRUE(track.confirmed && track.moves && track.from_edge && !track.was_there);
  EXPECT_NEAR(track.velocity_x, 30.0F, 1.0F);
  EXPECT_NEAR(track.velocity_y, 0.0F, 0.1F);
  EXPECT_LE(track.path.size(), Tracks::kLongestPath);
  look({box(153, 40, 7)});
  for (int n = 0; n < 6 && ended.empty(); ++n) ended = look({});
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_TRUE(ended[0].at_edge);
  EXPECT_TRUE(tracks.tracks().empty());
}

TEST_F(TracksTest, WhatStandsOrTremblesDoesNotMove) {
  for (int n = 0; n < 50; ++n) look({box(60, 40), box(100 + n % 2, 20)});
  ASSERT_EQ(tracks.tracks().size(), 2u);
  for (const Track& track : tracks.tracks()) EXPECT_FALSE(track.confirmed);
}

TEST_F(TracksTest, WhatChangesNothingInThePictureDoesNotMove) {
  for (int n = 0; n < 20; ++n) {
    Blob ghost = box(40 + 4 * n, 40);
    ghost.active = 0;
    look({ghost});
  }
  ASSERT_EQ(tracks.tracks().size(), 1u);
  EXPECT_FALSE(tracks.tracks().front().confirmed);
}

TEST_F(TracksTest, TwoThatCrossKeepTheirWays) {
  settle();
  for (int n = 0; n < 25; ++n) {
    const int one = 6 * n, other = 144 - 6 * n;
    if (std::abs(one - other) < 14) {
      look({box(std::min(one, other), 40, std::abs(one - other) + 10, 16)});  // one region, while they meet
    } else {
      look({box(one, 40), box(other, 40)});
    }
  }
  int to_the_right = 0, to_the_left = 0;
  for (const Track& track : tracks.tracks()) {
    to_the_right += track.confirmed && track.velocity_x > 20.0F ? 1 : 0;
    to_the_left += track.confirmed && track.velocity_x < -20.0F ? 1 : 0;
  }
  EXPECT_EQ(to_the_right, 1);
  EXPECT_EQ(to_the_left, 1);
}

TEST_F(TracksTest, WhatVanishesShortlyIsTheSame) {
  settle();
  for (int n = 0; n < 20; ++n)
    look(n == 9 || n == 10 ? std::vector<Blob>{} : std::vector<Blob>{box(4 * n, 40)});
  ASSERT_EQ(tracks.tracks().size(), 1u);
  EXPECT_EQ(tracks.tracks().front().first.blob.left, 0);
}

TEST_F(TracksTest, IsBounded) {
  std::vector<Blob> blobs;
  for (int n = 0; n < 24; ++n) blobs.push_back(box(6 * n, 10 + (n % 3) * 25, 4, 4));
  for (int n = 0; n < 300; ++n) {
    for (Blob& blob : blobs) blob = box((blob.left + 37) % 150, (blob.top + 11) % 80, 4, 4);
    look(blobs);
    ASSERT_LE(tracks.tracks().size(), Tracks::kMost);
    for (const Track& track : tracks.tracks()) ASSERT_LE(track.path.size(), Tracks::kLongestPath);
  }
}

TEST_F(TracksTest, WhatWasThereAtFirstDidNotEnter) {
  look({box(0, 40)});
  for (int n = 1; n < 10; ++n) look({box(6 * n, 40)});
  EXPECT_TRUE(tracks.tracks().front().was_there);
}

}  // namespace
}  // namespace vedette::signals
