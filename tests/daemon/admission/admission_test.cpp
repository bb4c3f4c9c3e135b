#include <gmock/gmock.h>

#include "daemon/admission/controller.h"
#include "daemon/admission/plan.h"
#include "daemon/admission/report.h"

namespace vedette::daemon::admission {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kShare = 0.8;
// Of a machine on which one camera takes 0.28: pictures 0.05, sound 0.1, captions 0.08, a rule 0.05.
const Costs kCosts{0.1, 0.2, 0.8, 0.1};

Demand camera(const std::string& id) {
  return {id, 1.0, 1.0, 0.2, 1.0};
}
std::vector<Demand> cameras(int count) {
  std::vector<Demand> all;
  for (int i = 0; i < count; ++i) all.push_back(camera("c" + std::to_string(i)));
  return all;
}

TEST(AdmissionPlan, EachLevelTakesLessAndSaysWhatItLeavesOut) {
  for (int level = 1; level < kLevels; ++level) {
    EXPECT_LT(load_of(camera("a"), kCosts, level), load_of(camera("a"), kCosts, level - 1)) << level;
    EXPECT_NE(pace_of(level).told, pace_of(level - 1).told);
    EXPECT_GT(pace_of(level).pictures, 0.0);  // alerts are checked to the last
    EXPECT_LE(pace_of(level).captions, pace_of(level - 1).captions);
  }
  EXPECT_EQ(pace_of(0).told, "");
  EXPECT_DOUBLE_EQ(load_of(camera("a"), kCosts, 0), 0.28);
  EXPECT_DOUBLE_EQ(load_of(camera("a"), kCosts, kLevels - 1), 0.125);
}

TEST(AdmissionPlan, WhatFitsIsNotSlowed) {
  const Plan plan = plan_for(cameras(2), kCosts, kShare);
  EXPECT_EQ(plan.level, 0);
  EXPECT_THAT(plan.refused, IsEmpty());
  EXPECT_DOUBLE_EQ(plan.load, 0.56);
  EXPECT_EQ(plan_for({}, kCosts, kShare).level, 0);
  EXPECT_EQ(plan_for(cameras(200), Costs{}, kShare).level, 0);
}

TEST(AdmissionPlan, MoreStreamsAreSlowedInTheStatedOrder) {
  int before = 0;
  for (int count = 1; count <= 6; ++count) {
    const Plan plan = plan_for(cameras(count), kCosts, kShare);
    EXPECT_GE(plan.level, before) << count;
    EXPECT_LE(plan.load, kShare);
    EXPECT_THAT(plan.refused, IsEmpty());
    before = plan.level;
  }
  EXPECT_EQ(before, kLevels - 1);
}

TEST(AdmissionPlan, OnlyWhatDoesNotFitAtTheSlowestIsRefused) {
  const Plan plan = plan_for(cameras(9), kCosts, kShare);
  EXPECT_EQ(plan.level, kLevels - 1);
  EXPECT_THAT(plan.refused, ElementsAre("c7", "c8"));
  EXPECT_DOUBLE_EQ(plan.load, 7 * 0.125);  // a little more than the share: a prediction may be wrong
}

TEST(AdmissionPlan, WhatFitsNowhereSlowsNobody) {
  const Demand large{"large", 5.0, 1.0, 0.0, 100.0};
  EXPECT_TRUE(is_too_large(large, kCosts, kShare));
  EXPECT_FALSE(is_too_large(camera("a"), kCosts, kShare));
  const Plan plan = plan_for({camera("a"), large, camera("b")}, kCosts, kShare);
  EXPECT_THAT(plan.refused, ElementsAre("large"));
  EXPECT_EQ(plan.level, 0);
  EXPECT_DOUBLE_EQ(plan.load, 0.56);
}

TEST(AdmissionPlan, IsToldInWords) {
  EXPECT_EQ(told(plan_for(cameras(2), kCosts, kShare)),
            "level 0 (everything), 56 % of the machine predicted");
  EXPECT_EQ(
      told(plan_for(cameras(8), kCosts, 0.7)),
      "level 5 (every fourth picture, captions from facts alone), 75 % of the machine predicted; no room "
      "for c6 c7");
}

TEST(AdmissionController, SlowsWhenTheModelsAreBusierThanPredicted) {
  Controller controller(kCosts);
  EXPECT_EQ(controller.configure(cameras(2), kShare).level, 0);
  EXPECT_FALSE(controller.observe(1.2));  // once is nothing
  EXPECT_FALSE(controller.observe(0.5));
  EXPECT_FALSE(controller.observe(1.2));
  EXPECT_TRUE(controller.observe(1.2));
  EXPECT_EQ(controller.plan().level, 1);
  for (int i = 0; i < 100; ++i) controller.observe(2.0);
  EXPECT_EQ(controller.plan().level, kLevels - 1);
  EXPECT_THAT(controller.plan().refused, IsEmpty());  // nothing that runs is stopped
}

// Observations of this share until the plan changes.
int observations(Controller& controller, double busy, int most = 1000) {
  for (int i = 1; i <= most; ++i) {
    if (controller.observe(busy)) return i;
  }
  return -1;
}

TEST(AdmissionController, GoesBackStepByStepOnceThereIsRoom) {
  Controller controller(kCosts);
  EXPECT_EQ(controller.configure(cameras(3), kShare).level, 1);
  EXPECT_EQ(observations(controller, 0.66), -1);  // the next step would not fit
  EXPECT_EQ(observations(controller, 0.1), 3);
  EXPECT_EQ(controller.plan().level, 0);
  EXPECT_EQ(observations(controller, 0.1), -1);  // nothing is left out
}

TEST(AdmissionController, WaitsLongerAfterAStepThatWasTakenBack) {
  Controller controller(kCosts);
  controller.configure(cameras(3), kShare);
  EXPECT_EQ(observations(controller, 0.1), 3);
  EXPECT_EQ(observations(controller, 1.0), 2);
  EXPECT_EQ(observations(controller, 0.1), 6);
  EXPECT_EQ(observations(controller, 1.0), 2);
  EXPECT_EQ(observations(controller, 0.1), 12);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(controller.observe(0.7));  // it lasted
  EXPECT_EQ(observations(controller, 1.0), 2);
  EXPECT_EQ(observations(controller, 0.1), 3);
  controller.observe(1.0);
  controller.configure(cameras(3), kShare);
  EXPECT_EQ(observations(controller, 0.1), 3);
}

TEST(AdmissionController, DoesNotWaitLongerForHavingSlowedOften) {
  Controller controller(kCosts);
  controller.configure(cameras(1), kShare);
  for (int level = 1; level < kLevels; ++level) EXPECT_EQ(observations(controller, 2.0), 2);
  EXPECT_EQ(observations(controller, 0.1), 3);
}

// A model that writes no captions: slower levels than the second save nothing.
TEST(AdmissionController, TakesOnlyStepsThatSaveSomething) {
  std::vector<Demand> demands = cameras(2);
  for (Demand& demand : demands) demand.captions_per_second = 0;
  Controller controller(kCosts);
  controller.configure(demands, kShare);
  EXPECT_EQ(observations(controller, 2.0), 2);
  EXPECT_EQ(observations(controller, 2.0), 2);
  EXPECT_EQ(controller.plan().level, 2);
  EXPECT_EQ(observations(controller, 2.0), -1);
  EXPECT_EQ(controller.plan().level, 2);
  EXPECT_EQ(observations(controller, 0.1), 3);
  EXPECT_EQ(observations(controller, 0.1), 3);
  EXPECT_EQ(controller.plan().level, 0);
  // Captions alone: pictures cost nothing.
  controller.configure({{"a", 0, 0, 0.5, 0}}, kShare);
  EXPECT_EQ(observations(controller, 2.0), 2);
  EXPECT_EQ(controller.plan().level, 3);
  while (observations(controller, 0.01) > 0) {
  }
  EXPECT_EQ(controller.plan().level, 0);
}

TEST(AdmissionController, LetsRefusedStreamsInBeforeAnythingIsFaster) {
  Controller controller(kCosts);
  EXPECT_THAT(controller.configure(cameras(9), kShare).refused, ElementsAre("c7", "c8"));
  EXPECT_GT(observations(controller, 0.3), 0);
  EXPECT_THAT(controller.plan().refused, ElementsAre("c8"));
  EXPECT_GT(observations(controller, 0.3), 0);
  EXPECT_THAT(controller.plan().refused, IsEmpty());
  EXPECT_EQ(controller.plan().level, kLevels - 1);
  EXPECT_GT(observations(controller, 0.3), 0);
  EXPECT_EQ(controller.plan().level, kLevels - 2);
}

TEST(AdmissionController, FewerStreamsAreFasterAtOnce) {
  Controller controller(kCosts);
  EXPECT_THAT(controller.configure(cameras(9), kShare).refused, ElementsAre("c7", "c8"));
  const Plan& fewer = controller.configure(cameras(2), kShare);
  EXPECT_EQ(fewer.level, 0);
  EXPECT_THAT(fewer.refused, IsEmpty());
}

TEST(AdmissionController, WhatFitsNowhereKeepsNobodySlow) {
  Controller controller(kCosts);
  controller.configure({camera("a"), {"large", 5.0, 1.0, 0.0, 100.0}}, kShare);
  EXPECT_EQ(observations(controller, 1.0), 2);
  EXPECT_EQ(controller.plan().level, 1);
  EXPECT_EQ(observations(controller, 0.1), 3);
  EXPECT_EQ(controller.plan().level, 0);
  EXPECT_THAT(controller.plan().refused, ElementsAre("large"));
  EXPECT_EQ(observations(controller, 0.0), -1);
}

TEST(AdmissionController, MayBeTurnedOff) {
  Controller controller(kCosts);
  EXPECT_EQ(controller.configure(cameras(50), 0).level, 0);
  EXPECT_THAT(controller.plan().refused, IsEmpty());
  EXPECT_EQ(observations(controller, 5.0), -1);
}

}  // namespace
}  // namespace vedette::daemon::admission
