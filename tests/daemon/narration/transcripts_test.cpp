#include "daemon/narration/transcripts.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/daemon/narration/support.h"

namespace vedette::daemon::narration {
namespace {

using sinks::Record;
using sinks::RecordState;

class TranscriptsTest : public ::testing::Test {
 protected:
  Transcripts make(TranscriptOptions options = {}) {
    Transcripts transcripts("gate", "tiny", ids_, options);
    base::ClockMap clock;
    clock.utc_zero = seconds(1000);
    clock.error = milliseconds(12) + nanoseconds(1);
    clock.source = base::ClockSource::kRtcp;
    transcripts.set_clock(clock);
    return transcripts;
  }
  sinks::RecordIds ids_{"gate", 36};
};

TEST_F(TranscriptsTest, OpenUpdateAndCloseOneRecord) {
  Transcripts transcripts = make();
  auto records = transcripts.take({}, words("Ask 0.1-0.3"), seconds(1), false);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kOpen);
  EXPECT_EQ(records[0].id, "gate-10-1");
  EXPECT_EQ(records[0].rev, 0u);
  EXPECT_EQ(records[0].text, "Ask");
  EXPECT_EQ(records[0].clock, "rtcp");
  EXPECT_EQ(records[0].clock_error_ms, 13);
  EXPECT_TRUE(transcripts.take({}, words("Ask 0.1-0.3"), seconds(1), false).empty());  // nothing changed

  records = transcripts.take(words("Ask 0.1-0.3"), words("not 0.4-0.7"), seconds(2), false);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kUpdate);
  EXPECT_EQ(records[0].rev, 1u);
  EXPECT_EQ(records[0].text, "Ask not");
  EXPECT_EQ(nlohmann::json::parse(records[0].details)["committed_words"], 1);

  records = transcripts.take(words("not. 0.4-0.7"), words("But 0.8-0.9"), seconds(3), false);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_EQ(records[0].id, "gate-10-1");
  EXPECT_EQ(records[0].rev, 2u);
  EXPECT_EQ(records[0].text, "Ask not.");
  EXPECT_EQ(records[0].t_start_ms, 1'000'100);
  EXPECT_EQ(records[0].t_end_ms, 1'000'700);
  EXPECT_NEAR(records[0].score.value(), 0.9, 1e-6);
  const auto details = nlohmann::json::parse(records[0].details);
  EXPECT_EQ(details["words"][1]["word"], "not.");
  EXPECT_EQ(details["words"][1]["t_end_ms"], 1'000'700);
  EXPECT_EQ(records[1].id, "gate-10-2");
  EXPECT_EQ(records[1].state, RecordState::kOpen);
}

TEST_F(TranscriptsTest, CloseAtAPauseAndAtTheLongest) {
  TranscriptOptions options;
  options.longest = seconds(2);
  options.longest_wait = seconds(0);
  Transcripts transcripts = make(options);
  auto records =
      transcripts.take(words("one 0.0-0.4 two 1.2-1.5"), words("three 1.6-1.9"), seconds(2), false);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, "one");
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_EQ(records[1].text, "two three");
  records = transcripts.take(words("three 1.6-2.0 four 2.5-3.3"), words("five 3.4-3.6"), seconds(4), false);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, "two three four");
  EXPECT_EQ(records[1].text, "five");
}

TEST_F(TranscriptsTest, CloseBeforeTheFirstWordWaitsTooLong) {
  TranscriptOptions options;
  options.longest_wait = milliseconds(2500);
  Transcripts transcripts = make(options);
  EXPECT_EQ(transcripts.take(words("one 0.0-0.4"), words("two 0.5-0.9"), seconds(1), false).size(), 1u);
  auto records = transcripts.take(words("two 0.5-0.9"), words("three 1.2-1.6"), milliseconds(2800), false);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kUpdate);
  records = transcripts.take(words("three 1.2-1.6"), words("four 1.7-2.7"), milliseconds(2900), false);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].text, "one two three");
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_EQ(records[1].text, "four");
}

TEST_F(TranscriptsTest, SilenceClosesWhatIsCommitted) {
  Transcripts transcripts = make();
  EXPECT_EQ(transcripts.take({}, words("one 0.0-0.4"), seconds(1), false).size(), 1u);
  const auto records = transcripts.take(words("one 0.0-0.4"), {}, milliseconds(500), true);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kClose);
  EXPECT_TRUE(transcripts.take({}, {}, seconds(3), true).empty());
}

TEST_F(TranscriptsTest, WhatWasNotSaidAfterAllIsWithdrawn) {
  Transcripts transcripts = make();
  transcripts.take({}, words("you 0.1-0.4"), seconds(1), false);
  const auto records = transcripts.take({}, {}, seconds(2), false);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].state, RecordState::kWithdraw);
  EXPECT_EQ(records[0].text, "you");
  EXPECT_EQ(records[0].rev, 1u);
  EXPECT_EQ(records[0].t_start_ms, 1'000'100);
  const auto next = transcripts.take({}, words("hello 2.1-2.4"), seconds(3), false);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].state, RecordState::kOpen);
  EXPECT_NE(next[0].id, records[0].id);
}

}  // namespace
}  // namespace vedette::daemon::narration
