#include "daemon/service/progress.h"

#include <gmock/gmock.h>

namespace vedette::daemon::service {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Progress, SaysNothingAtTheFirstLook) {
  Progress progress;
  EXPECT_THAT(progress.stuck({{"engine", true, 0}}), IsEmpty());
}

TEST(Progress, APartThatHasWorkAndDoesNoneIsStuck) {
  Progress progress;
  progress.stuck({{"engine", true, 7}, {"encoder", true, 3}});
  EXPECT_THAT(progress.stuck({{"engine", true, 7}, {"encoder", true, 4}}), ElementsAre("engine"));
  EXPECT_THAT(progress.stuck({{"engine", true, 8}, {"encoder", true, 4}}), ElementsAre("encoder"));
}

TEST(Progress, WorkThatCameOrWentSinceIsNoSign) {
  Progress progress;
  progress.stuck({{"engine", false, 7}});
  EXPECT_THAT(progress.stuck({{"engine", true, 7}}), IsEmpty());
  EXPECT_THAT(progress.stuck({{"engine", false, 7}}), IsEmpty());
}

}  // namespace
}  // namespace vedette::daemon::service
