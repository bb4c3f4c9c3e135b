#include "daemon/narration/motion_records.h"

#include <gtest/gtest.h>

#include "tests/daemon/narration/support.h"

namespace vedette::daemon::narration {
namespace {

using signals::MotionEvent;
using signals::MotionKind;
using signals::MotionPhase;
using sinks::RecordState;

MotionEvent things(MotionPhase phase, int from_s, int to_s, signals::Direction direction) {
  MotionEvent event;
  event.kind = MotionKind::kThings;
  event.phase = phase;
  event.start = {0, seconds(from_s)};
  event.end = {0, seconds(to_s)};
  event.count = 1;
  event.direction = direction;
  event.things.push_back({direction, signals::Region::kMiddle, true, false});
  event.enters = true;
  event.score = 0.5F;
  return event;
}

class MotionRecordsTest : public testing::Test {
 protected:
  MotionRecordsTest() { clock_.utc_zero = seconds(1000); }
  std::string lines() {
    return render(book_.timeline.between(0, 2'000'000), {nullptr, 1'000'000, 0, {}}).text;
  }

  base::ClockMap clock_;
  StreamBook book_{"gate", 36, {}};
  MotionRecords motion_{"gate", book_};
};

TEST_F(MotionRecordsTest, OpenAreRetoldAndClose) {
  auto records = motion_.take(things(MotionPhase::kOpen, 12, 12, signals::Direction::kUnsure), clock_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kOpen);
  EXPECT_EQ(records[0].kind, sinks::Kind::kMotion);
  const std::string id = records[0].id, first = records[0].text;
  EXPECT_EQ(lines(), "[moves 12.0-] " + first + "\n");
  EXPECT_TRUE(
      motion_.take(things(MotionPhase::kUpdate, 12, 13, signals::Direction::kUnsure), clock_).empty());
  records = motion_.take(things(MotionPhase::kUpdate, 12, 14, signals::Direction::kRightToLeft), clock_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kUpdate);
  EXPECT_EQ(records[0].id, id);
  EXPECT_EQ(records[0].rev, 1u);
  EXPECT_EQ(records[0].text, "one thing, right to left, enters");
  records = motion_.take(things(MotionPhase::kClose, 12, 15, signals::Direction::kRightToLeft), clock_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_EQ(records[0].t_start_ms, 1'012'000);
  EXPECT_EQ(records[0].t_end_ms, 1'015'000);
  EXPECT_EQ(records[0].score, 0.5);
  EXPECT_EQ(
      records[0].details,
      R"({"count":1,"direction":"right to left","enters":true,"kind":"moves","leaves":false,"region":"middle"})");
  EXPECT_EQ(lines(), "[moves 12.0-15.0] one thing, right to left, enters\n");
}

TEST_F(MotionRecordsTest, AClockThatIsSetMovesBothEnds) {
  motion_.take(things(MotionPhase::kOpen, 12, 12, signals::Direction::kUnsure), clock_);
  clock_.utc_zero = seconds(400);
  const auto records = motion_.take(things(MotionPhase::kClose, 12, 15, signals::Direction::kUnsure), clock_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].t_start_ms, 412'000);
  EXPECT_EQ(records[0].t_end_ms, 415'000);
}

TEST_F(MotionRecordsTest, TheEndClosesWhatIsOpen) {
  motion_.take(things(MotionPhase::kOpen, 12, 13, signals::Direction::kRightToLeft), clock_);
  MotionEvent camera;
  camera.kind = MotionKind::kCamera;
  camera.phase = MotionPhase::kOpen;
  camera.start = {0, seconds(13)};
  camera.end = {0, seconds(14)};
  motion_.take(camera, clock_);
  const auto records = motion_.end();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_EQ(lines(),
            "[moves 12.0-13.0] one thing, right to left, enters\n[camera 13.0-14.0] the camera shakes\n");
  EXPECT_TRUE(motion_.end().empty());
  EXPECT_TRUE(
      motion_.take(things(MotionPhase::kUpdate, 12, 14, signals::Direction::kUnsure), clock_).empty());
}

TEST_F(MotionRecordsTest, WhatOpensAndClosesAtOnceIsOneRecord) {
  MotionEvent light;
  light.kind = MotionKind::kLight;
  light.phase = MotionPhase::kClose;
  light.start = light.end = {0, seconds(3)};
  light.brighter = true;
  const auto records = motion_.take(light, clock_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_EQ(records[0].details, R"({"brighter":true,"kind":"light"})");
  EXPECT_EQ(lines(), "[light 3.0-3.0] the light goes on\n");
}

}  // namespace
}  // namespace vedette::daemon::narration
