#include "daemon/probe/tally.h"

#include <gtest/gtest.h>

namespace vedette::daemon::probe {
namespace {

using namespace std::chrono_literals;

TEST(TallyTest, NothingIsSaidOfNothing) {
  Tally tally;
  EXPECT_FALSE(tally.rate_hz());
  EXPECT_FALSE(tally.bits_per_s());
  EXPECT_FALSE(tally.key_interval());
  tally.add(1s, 100, true);
  EXPECT_FALSE(tally.rate_hz());
  EXPECT_FALSE(tally.key_interval());
}

TEST(TallyTest, RateAndBitsFollowTheUnitsOwnTimes) {
  Tally tally;
  for (int i = 0; i <= 100; ++i) tally.add(i * 40ms, 1000, i % 50 == 0);
  EXPECT_DOUBLE_EQ(*tally.rate_hz(), 25.0);
  EXPECT_DOUBLE_EQ(*tally.bits_per_s(), 200'000.0);
  EXPECT_EQ(tally.keys(), 3U);
  EXPECT_EQ(*tally.key_interval(), 2s);
}

TEST(TallyTest, PicturesOutOfOrderSpanTheSame) {
  Tally tally;
  for (const auto time : {0ms, 120ms, 40ms, 80ms, 240ms, 160ms, 200ms}) tally.add(time, 10, false);
  EXPECT_EQ(tally.span(), 240ms);
  EXPECT_DOUBLE_EQ(*tally.rate_hz(), 25.0);
}

TEST(TallyTest, TheLongestWayBetweenKeyFramesIsKept) {
  Tally tally;
  for (const auto time : {0s, 2s, 12s, 14s}) tally.add(time, 10, true);
  EXPECT_EQ(*tally.longest_key_interval(), 10s);
  EXPECT_EQ(*tally.key_interval(), 6s);
}

TEST(TallyTest, AKeyFrameMadeForTheConnectionDoesNotCount) {
  Tally tally;
  for (const auto time : {0ms, 300ms, 2300ms, 4300ms}) tally.add(time, 10, true);
  EXPECT_EQ(*tally.key_interval(), 2s);
}

TEST(TallyTest, WhatHasNoTimeCountsForItsBytes) {
  Tally tally;
  tally.add(0s, 100, true);
  tally.add(std::nullopt, 100, true);
  tally.add(1s, 100, false);
  EXPECT_EQ(tally.units(), 3U);
  EXPECT_DOUBLE_EQ(*tally.rate_hz(), 1.0);
  EXPECT_FALSE(tally.key_interval());
}

TEST(TallyTest, TimesThatStandStillGiveNoRate) {
  Tally tally;
  tally.add(1s, 10, true);
  tally.add(1s, 10, true);
  EXPECT_FALSE(tally.rate_hz());
  EXPECT_EQ(*tally.key_interval(), 0s);
}

}  // namespace
}  // namespace vedette::daemon::probe
