#include "signals/motion.h"

#include <gtest/gtest.h>

namespace vedette::signals {
namespace {

MotionEvent things(std::vector<MovingThing> things, int count = 0) {
  MotionEvent event;
  event.kind = MotionKind::kThings;
  event.count = count != 0 ? count : static_cast<int>(things.size());
  event.direction = things.empty() ? Direction::kUnsure : things.front().direction;
  event.things = std::move(things);
  return event;
}

constexpr MovingThing kEntersLeftwards{Direction::kRightToLeft, Region::kRight, true, false};

TEST(MotionWords, OneThing) {
  EXPECT_EQ(words_of(things({kEntersLeftwards})), "one thing, right to left, enters");
  EXPECT_EQ(words_of(things({{Direction::kUnsure, Region::kLeft, false, false}})), "one thing, left");
  EXPECT_EQ(words_of(things({{Direction::kDown, Region::kMiddle, true, true}})),
            "one thing, middle, downwards, enters and leaves");
  EXPECT_EQ(words_of(things({{Direction::kNearer, Region::kRight, false, true}})),
            "one thing, right, nearer, leaves");
}

TEST(MotionWords, ThingsThatDoTheSameAreCountedTogether) {
  const MovingThing other{Direction::kLeftToRight, Region::kLeft, false, true};
  EXPECT_EQ(words_of(things({kEntersLeftwards, other, kEntersLeftwards})),
            "two things, right to left, enters; one thing, left to right, leaves");
}

TEST(MotionWords, ManyThingsAreNotListed) {
  EXPECT_EQ(words_of(things({kEntersLeftwards}, 12)), "many things, right to left");
  EXPECT_EQ(words_of(things(std::vector<MovingThing>(5, kEntersLeftwards))), "many things, right to left");
}

TEST(MotionWords, WhatIsNoThing) {
  MotionEvent event;
  event.kind = MotionKind::kCamera;
  EXPECT_EQ(words_of(event), "the camera shakes");
  event.direction = Direction::kLeftToRight;
  EXPECT_EQ(words_of(event), "the camera turns, left to right");
  event.kind = MotionKind::kLight;
  EXPECT_EQ(words_of(event), "the light goes off");
  event.brighter = true;
  EXPECT_EQ(words_of(event), "the light goes on");
  EXPECT_STREQ(tag_of(MotionKind::kThings), "moves");
  EXPECT_STREQ(tag_of(MotionKind::kSpecks), "specks");
}

}  // namespace
}  // namespace vedette::signals
