#include "daemon/narration/plain_conditions.h"

#include <gtest/gtest.h>

namespace vedette::daemon::narration {
namespace {

// -1: nobody looks for it; -2: it is for the language model.
float scored(const std::string& condition, const Moment& moment) {
  const auto plain = PlainCondition::parse(condition);
  return plain ? plain->score(moment).value_or(-1.0F) : -2.0F;
}

Moment yard() {
  Moment moment;
  moment.scene.has_heads = true;
  moment.scene.sightings = {
      {"red vehicle", "left", 0.9F}, {"person", "middle", 0.4F}, {"person", "right", 0.3F}};
  moment.scene.moves = {"one thing, left to right, enters"};
  moment.scene.view = {"the camera shakes"};
  moment.scene.sounds = {"dog"};
  moment.scene.conditions = {"picture_blurred"};
  moment.heard = "Please help, the gate's open.";
  moment.sounds = {"dog", "car horn", "siren"};
  return moment;
}

Moment empty() {
  Moment moment;
  moment.scene.has_heads = true;
  moment.scene.sightings = {{"nothing", "", 0.9F}};
  moment.scene.conditions = {"sound_silent"};
  moment.sounds = {"dog", "car horn", "siren"};
  return moment;
}

TEST(PlainConditions, ThingsHaveTheScoreOfTheirBestSighting) {
  for (const char* form :
       {"a vehicle is visible", "There is a vehicle.", "vehicles are seen", "a vehicle is in the picture",
        "there is a vehicle in view", "Is it?  a vehicle appears"}) {
    const bool plain = std::string(form).find('?') == std::string::npos;
    EXPECT_EQ(scored(form, yard()), plain ? 0.9F : -2.0F) << form;
    EXPECT_EQ(scored(form, empty()), plain ? 0.0F : -2.0F) << form;
  }
  EXPECT_EQ(scored("a person is visible", yard()), 0.4F);
  EXPECT_EQ(scored("somebody is there", yard()), 0.4F);
  EXPECT_EQ(scored("an animal is visible", yard()), 0.0F);
  EXPECT_EQ(scored("something is visible", yard()), 0.9F);
  EXPECT_EQ(scored("nobody is visible", yard()), 0.6F);
  EXPECT_EQ(scored("there is no person", empty()), 1.0F);
  EXPECT_EQ(scored("nothing is visible", empty()), 1.0F);
}

TEST(PlainConditions, WhatCannotBeSeenIsNeitherThereNorGone) {
  Moment moment = yard();
  moment.scene.conditions = {"picture_covered"};
  EXPECT_EQ(scored("a vehicle is visible", moment), 0.0F);
  EXPECT_EQ(scored("no vehicle is visible", moment), 0.0F);
  moment = yard();
  moment.scene.has_heads = false;
  EXPECT_EQ(scored("a vehicle is visible", moment), -1.0F);
}

TEST(PlainConditions, WhatIsMeasuredHoldsOrDoesNot) {
  struct Case {
    const char* condition;
    float yard, empty;
  };
  for (const Case& one : std::initializer_list<Case>{{"something moves", 1, 0},
                                                     {"Something is moving!", 1, 0},
                                                     {"there is movement", 1, 0},
                                                     {"motion", 1, 0},
                                                     {"nothing moves", 0, 1},
                                                     {"no motion", 0, 1},
                                                     {"something enters", 1, 0},
                                                     {"something leaves the picture", 0, 0},
                                                     {"something moves left to right", 1, 0},
                                                     {"something moves from right to left", 0, 0},
                                                     {"the camera shakes", 1, 0},
                                                     {"the light goes on", 0, 0},
                                                     {"the picture is blurred", 1, 0},
                                                     {"the picture is out of focus", 1, 0},
                                                     {"the picture is black", 0, 0},
                                                     {"the picture is not black", 1, 1},
                                                     {"the picture is clear", 0, 1},
                                                     {"the picture is not clear", 1, 0},
                                                     {"something is wrong with the picture", 1, 0},
                                                     {"there is no picture", 0, 0},
                                                     {"speech is heard", 1, 0},
                                                     {"somebody speaks", 1, 0},
                                                     {"nobody is talking", 0, 1},
                                                     {"somebody says help", 1, 0},
                                                     {"the words \"the gate's open\" are said", 1, 0},
                                                     {"somebody says lp", 0, 0},
                                                     {"a dog is heard", 1, 0},
                                                     {"the sound of a siren is heard", 0, 0},
                                                     {"there is the sound of a car horn", 0, 0},
                                                     {"there is silence", 0, 1}}) {
    EXPECT_EQ(scored(one.condition, yard()), one.yard) << one.condition;
    EXPECT_EQ(scored(one.condition, empty()), one.empty) << one.condition;
  }
  EXPECT_EQ(scored("a violin is heard", yard()), -1.0F);
}

TEST(PlainConditions, TheRestIsForTheModel) {
  for (const char* form :
       {"a person climbs over the fence", "a car is visible", "it burns", "somebody calls for help", "",
        "the picture is beautiful", "something moves in the garden"}) {
    EXPECT_EQ(scored(form, yard()), -2.0F) << form;
  }
  EXPECT_EQ(scored("somebody says " + std::string(5000, 'a'), yard()), -2.0F);
}

}  // namespace
}  // namespace vedette::daemon::narration
