#include "models/preprocess/frame_sampling.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace vedette::models::preprocess {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Frames every `apart` from `begin` on; gives the times, in ms, of those that are kept.
std::vector<std::int64_t> kept(FrameSamplingPolicy& policy, nanoseconds begin, nanoseconds apart, int count,
                               double change = 1.0) {
  std::vector<std::int64_t> times;
  for (int n = 0; n < count; ++n) {
    const nanoseconds time = begin + n * apart;
    if (policy.due(time) && policy.keep(time, change)) {
      times.push_back(std::chrono::duration_cast<milliseconds>(time).count());
    }
  }
  return times;
}

TEST(FrameSampling, KeepsTheFirstFrameAtEachPointOfTheGrid) {
  FrameSamplingPolicy policy({.rate_hz = 2.0});
  EXPECT_THAT(kept(policy, 0ms, 40ms, 50), ElementsAre(0, 520, 1000, 1520));
}

TEST(FrameSampling, TheRateHoldsThoughNoFrameLiesOnTheGrid) {
  FrameSamplingPolicy policy({.rate_hz = 3.0});
  EXPECT_THAT(kept(policy, 7ms, nanoseconds(1'000'000'000 / 30), 3000), SizeIs(300));
}

TEST(FrameSampling, ASlowStreamIsKeptWhole) {
  FrameSamplingPolicy policy({.rate_hz = 5.0});
  EXPECT_THAT(kept(policy, 0ms, 1s, 4), ElementsAre(0, 1000, 2000, 3000));
}

TEST(FrameSampling, RateZeroIsEveryFrame) {
  FrameSamplingPolicy policy({.rate_hz = 0.0});
  EXPECT_THAT(kept(policy, 0ms, 10ms, 5), SizeIs(5));
}

TEST(FrameSampling, AGapBeginsTheGridAgainWithoutABurst) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  kept(policy, 0ms, 100ms, 5);
  EXPECT_THAT(kept(policy, 60s, 100ms, 22), ElementsAre(60000, 61000, 62000));
}

TEST(FrameSampling, AStepBackBeginsAnew) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  kept(policy, 100s, 100ms, 5);
  EXPECT_THAT(kept(policy, 0ms, 100ms, 11), ElementsAre(0, 1000));
}

TEST(FrameSampling, ASmallStepBackIsNoReason) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  kept(policy, 10s, 100ms, 5);
  EXPECT_THAT(kept(policy, 9900ms, 100ms, 5), IsEmpty());
}

TEST(FrameSampling, AbsurdTimesAreNeverDueAndSpoilNothing) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  EXPECT_FALSE(policy.due(nanoseconds(std::numeric_limits<std::int64_t>::max())));
  EXPECT_FALSE(policy.due(nanoseconds(std::numeric_limits<std::int64_t>::min())));
  EXPECT_TRUE(policy.due(0s));
  EXPECT_TRUE(policy.due(std::chrono::hours(200'000)));  // far, but a time
  EXPECT_TRUE(policy.due(1s)) << "back from there";
}

TEST(FrameSampling, TheGateKeepsWhatChangedAndOneNowAndThen) {
  FrameSamplingPolicy policy({.rate_hz = 1.0, .least_change = 0.1, .longest_unchanged = 10s});
  EXPECT_THAT(kept(policy, 0s, 1s, 25, 0.05), ElementsAre(0, 10000, 20000));
  EXPECT_THAT(kept(policy, 25s, 1s, 3, 0.1), ElementsAre(25000, 26000, 27000));
}

TEST(FrameSampling, WithoutLongestUnchangedNothingComesThroughTheGate) {
  FrameSamplingPolicy policy({.rate_hz = 1.0, .least_change = 0.1, .longest_unchanged = 0s});
  EXPECT_THAT(kept(policy, 0s, 1s, 100, 0.0), ElementsAre(0));
}

TEST(FrameSampling, TheMinimumIntervalHoldsBackChanges) {
  FrameSamplingPolicy policy({.rate_hz = 5.0, .min_interval = 2s});
  EXPECT_THAT(kept(policy, 0s, 100ms, 50), ElementsAre(0, 2000, 4000));
}

// Units 100 ms apart with a key frame every `key_every`; gives the indices of those that are decoded.
std::vector<int> decoded(FrameSamplingPolicy& policy, int key_every, int count) {
  std::vector<int> units;
  for (int n = 0; n < count; ++n) {
    if (policy.decode(n * 100ms, n % key_every == 0)) units.push_back(n);
  }
  return units;
}

TEST(FrameSampling, KeyFramesAreEnoughWhileTheyComeOftenEnough) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  EXPECT_THAT(decoded(policy, 10, 40), ElementsAre(0, 10, 20, 30));
}

TEST(FrameSampling, OfManyKeyFramesOnlyThoseThatAreDueAreDecoded) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  EXPECT_THAT(decoded(policy, 5, 31), ElementsAre(0, 10, 20, 30));
  FrameSamplingPolicy intra({.rate_hz = 0.5});
  EXPECT_THAT(decoded(intra, 1, 41), ElementsAre(0, 20, 40));
}

TEST(FrameSampling, AllIsDecodedWhereKeyFramesAreTooRare) {
  FrameSamplingPolicy policy({.rate_hz = 1.0});
  const std::vector<int> units = decoded(policy, 30, 90);
  EXPECT_EQ(units.front(), 0);
  EXPECT_EQ(units.size(), 1u + 60u) << "from the second key frame on";
}

TEST(FrameSampling, RareKeyFramesCanBeSaidToBeEnough) {
  FrameSamplingPolicy policy({.rate_hz = 1.0, .key_frames_within = 4s});
  EXPECT_THAT(decoded(policy, 30, 90), ElementsAre(0, 30, 60));
}

TEST(FrameSampling, ResetForgets) {
  FrameSamplingPolicy policy({.rate_hz = 1.0, .least_change = 0.5});
  ASSERT_TRUE(policy.due(0s) && policy.keep(0s, 0.0));
  policy.reset();
  EXPECT_TRUE(policy.due(100ms) && policy.keep(100ms, 0.0));
}

TEST(FrameSampling, RefusesOptionsOutOfRange) {
  EXPECT_THROW(FrameSamplingPolicy({.rate_hz = -1.0}), std::invalid_argument);
  EXPECT_THROW(FrameSamplingPolicy({.rate_hz = std::nan("")}), std::invalid_argument);
  EXPECT_THROW(FrameSamplingPolicy({.rate_hz = 1001.0}), std::invalid_argument);
  EXPECT_THROW(FrameSamplingPolicy({.least_change = 1.5}), std::invalid_argument);
  EXPECT_THROW(FrameSamplingPolicy({.min_interval = -1s}), std::invalid_argument);
  EXPECT_NO_THROW(FrameSamplingPolicy({.rate_hz = 1e-12}));
}

}  // namespace
}  // namespace vedette::models::preprocess
