#include "models/audio/segments.h"

#include <gtest/gtest.h>

namespace vedette::models::audio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Tokens of Whisper's English vocabulary: a number below 1000 is text, t(s) the timestamp of s seconds.
std::int32_t t(double s) {
  return WhisperTokens{}.first_timestamp + static_cast<std::int32_t>(s / 0.02 + 0.5);
}

std::chrono::nanoseconds settled(const std::vector<std::int32_t>& generated) {
  return settled_length({}, generated, seconds(30));
}

TEST(Segments, AreCutAtTimestamps) {
  const std::vector<std::int32_t> generated = {t(0), 1, 2, t(3), t(3.5), 3, t(6), t(6), 4};
  const auto segments = split_segments({}, generated, seconds(30));
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[0].tokens, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(segments[1].start, milliseconds(3500));
  EXPECT_EQ(segments[1].end, seconds(6));
  EXPECT_EQ(segments[2].end, seconds(30));
}

TEST(Segments, TheNextWindowBeginsBehindTheLastWholeOne) {
  EXPECT_EQ(settled({t(0), 1, 2, t(3), t(3.5), 3, t(6), t(6), 4}), seconds(6));
  EXPECT_EQ(settled({t(0), 1, 2, t(3), t(3)}), seconds(3));         // a third one was begun
  EXPECT_EQ(settled({t(0), 1, t(3), t(3), 2, t(9)}), seconds(30));  // the text ended by itself
  EXPECT_EQ(settled({t(0), 1, 2, 3}), seconds(30));
  EXPECT_EQ(settled({1, 2, 3}), seconds(30));
  EXPECT_EQ(settled({}), seconds(30));
  EXPECT_EQ(settled({t(0), t(0), 1}), seconds(30));  // always moves on
}

}  // namespace
}  // namespace vedette::models::audio
