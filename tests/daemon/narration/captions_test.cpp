#include "daemon/narration/captions.h"

#include <gtest/gtest.h>

#include "tests/daemon/narration/support.h"

namespace vedette::daemon::narration {
namespace {

using sinks::Record;
using sinks::RecordState;

class CaptionsTest : public testing::Test {
 protected:
  CaptionsTest() {
    base::ClockMap clock;
    clock.utc_zero = seconds(1000);
    clock.error = std::chrono::microseconds(1500);
    captions_.set_clock(clock);
  }
  void take(std::vector<Record> records) {
    for (Record& record : records) {
      const char* state = record.state == RecordState::kOpen     ? "+"
                          : record.state == RecordState::kUpdate ? "~"
                                                                 : "-";
      told_ += state + record.text + " " + std::to_string(record.t_start_ms - 1'000'000) + "-" +
               std::to_string(record.t_end_ms - 1'000'000) + " " + std::to_string(record.rev) + "|";
      last_ = std::move(record);
    }
  }
  void say(int t, const std::string& text) {
    take(captions_.say(seconds(t), {text, CaptionSource::kModel, "m", "h"}));
  }
  std::string told() { return std::exchange(told_, {}); }

  sinks::RecordIds ids_{"gate", 36};
  Captions captions_{"gate", ids_};
  std::string told_;
  Record last_;
};

TEST_F(CaptionsTest, OpensUpdatesAndCloses) {
  say(10, "A man walks.");
  EXPECT_EQ(told(), "+A man walks. 10000-10000 0|");
  EXPECT_EQ(last_.id, "gate-10-1");
  EXPECT_EQ(last_.clock_error_ms, 2);
  EXPECT_EQ(last_.model, "m");
  EXPECT_EQ(last_.prompt_hash, "h");
  EXPECT_EQ(last_.details, R"({"source":"model"})");
  say(15, "a man walks");
  take(captions_.still(seconds(39)));
  EXPECT_EQ(told(), "");
  take(captions_.still(seconds(40)));
  EXPECT_EQ(told(), "~A man walks. 10000-40000 1|");
  take(captions_.still(seconds(50)));
  say(60, "Nothing.");
  EXPECT_EQ(told(), "-A man walks. 10000-60000 2|+Nothing. 60000-60000 0|");
  EXPECT_EQ(last_.id, "gate-10-2");
  take(captions_.still(seconds(70)));
  take(captions_.end(seconds(65)));  // it was known to hold longer
  EXPECT_EQ(told(), "-Nothing. 60000-70000 1|");
  EXPECT_FALSE(captions_.open());
  take(captions_.end(seconds(80)));
  take(captions_.still(seconds(80)));
  EXPECT_EQ(told(), "");
}

TEST_F(CaptionsTest, AClockThatIsSetMovesBothEnds) {
  say(10, "A man walks.");
  base::ClockMap clock;
  clock.utc_zero = seconds(400);
  captions_.set_clock(clock);
  take(captions_.end(seconds(20)));
  EXPECT_EQ(told(), "+A man walks. 10000-10000 0|-A man walks. -590000--580000 1|");
}

}  // namespace
}  // namespace vedette::daemon::narration
