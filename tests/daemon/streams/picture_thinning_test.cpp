#include "daemon/streams/picture_thinning.h"

#include <gtest/gtest.h>

namespace vedette::daemon::streams {
namespace {

using std::chrono::milliseconds;

// How many of the pictures pass that are looked at every 200 ms for so long.
int passing(PictureThinning& thinning, milliseconds from, milliseconds to, double rate_hz, double share) {
  int passed = 0;
  for (milliseconds at = from; at < to; at += milliseconds(200))
    passed += thinning.leaves_out(at, rate_hz, share) ? 0 : 1;
  return passed;
}

TEST(PictureThinning, LeavesNothingOutOfWhatIsWantedWhole) {
  PictureThinning thinning;
  EXPECT_EQ(passing(thinning, milliseconds(0), milliseconds(10'000), 1.0, 1.0), 50);
}

TEST(PictureThinning, PassesTheShareOfWhatIsSampled) {
  for (const double rate : {1.0, 5.0}) {
    PictureThinning half, quarter;
    EXPECT_EQ(passing(half, milliseconds(0), milliseconds(40'000), rate, 0.5), 20 * rate) << rate;
    EXPECT_EQ(passing(quarter, milliseconds(0), milliseconds(40'000), rate, 0.25), 10 * rate) << rate;
  }
}

TEST(PictureThinning, AShareThatChangesHoldsFromTheNextPicture) {
  PictureThinning thinning;
  EXPECT_FALSE(thinning.leaves_out(milliseconds(0), 1.0, 0.25));
  EXPECT_TRUE(thinning.leaves_out(milliseconds(3600), 1.0, 0.25));
  EXPECT_FALSE(thinning.leaves_out(milliseconds(3600), 1.0, 0.5));
  EXPECT_TRUE(thinning.leaves_out(milliseconds(3800), 1.0, 0.5));
  EXPECT_FALSE(thinning.leaves_out(milliseconds(3800), 1.0, 1.0));
}

TEST(PictureThinning, ATimeThatGoesBackBeginsAnew) {
  PictureThinning thinning;
  EXPECT_FALSE(thinning.leaves_out(milliseconds(60'000), 1.0, 0.25));
  EXPECT_FALSE(thinning.leaves_out(milliseconds(1000), 1.0, 0.25));
  EXPECT_TRUE(thinning.leaves_out(milliseconds(2000), 1.0, 0.25));
}

}  // namespace
}  // namespace vedette::daemon::streams
