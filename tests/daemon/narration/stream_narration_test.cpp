#include "daemon/narration/stream_narration.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/daemon/narration/support.h"
#include "tests/support/fake_engine.h"
#include "tests/support/recording_publisher.h"

namespace vedette::daemon::narration {
namespace {

using models::runtime::FinishReason;
using models::runtime::SpeechResult;
using sinks::Kind;
using sinks::Record;
using sinks::RecordState;
using streams::HeardWindow;
using streams::StreamState;

class StreamNarrationTest : public ::testing::Test {
 protected:
  StreamNarrationTest() : narration_(StreamNarration::create("gate", engine_, publisher_, options())) {
    clock(0, 1000);
  }

  static NarrationOptions options() {
    NarrationOptions options;
    options.agreement.follow_up = nanoseconds(0);
    options.agreement.pause = milliseconds(600);
    options.agreement.kept = nanoseconds(0);
    return options;
  }
  void clock(std::uint32_t epoch, int zero_s) {
    base::ClockMap map;
    map.epoch = epoch;
    map.utc_zero = seconds(zero_s);
    narration_->on_clock(map);
  }
  // A window [from, to) in seconds of the epoch.
  void hear(double from, double to, bool sound = true, bool last = false, std::uint32_t epoch = 0) {
    HeardWindow window;
    window.start = {epoch, at(from)};
    window.length = at(to) - at(from);
    window.last = last;
    if (sound) window.features = models::tensor::Tensor::zeros(models::tensor::DType::kF32, {4, 2});
    narration_->on_heard(std::move(window));
  }
  // Ends the oldest pass with words whose times count from the window's start.
  void finish(const std::string& text, FinishReason reason = FinishReason::kStop, bool rejected = false) {
    auto pass = engine_.take_speech();
    SpeechResult result;
    result.reason = reason;
    result.transcript.rejected = rejected;
    if (reason == FinishReason::kError) result.error = std::make_exception_ptr(std::runtime_error("broken"));
    auto& segment = result.transcript.segments.emplace_back();
    for (const TimedWord& word : words(text))
      segment.words.push_back({word.text, word.start, word.end, word.probability});
    pass.done(std::move(result));
  }
  static nanoseconds at(double s) { return nanoseconds(static_cast<std::int64_t>(s * 1e9)); }

  std::vector<Record> records(Kind kind) const {
    std::vector<Record> found;
    for (Record& record : publisher_.records()) {
      if (record.kind == kind) found.push_back(std::move(record));
    }
    return found;
  }
  std::string closed_text() const {
    std::string text;
    for (const Record& record : records(Kind::kTranscript)) {
      if (record.state == RecordState::kClose) text += record.text + "|";
    }
    return text;
  }

  tests::FakeEngine engine_;
  tests::RecordingPublisher publisher_;
  std::shared_ptr<StreamNarration> narration_;
};

TEST_F(StreamNarrationTest, WordsBecomeRecordsAndFacts) {
  hear(0, 1);
  finish("Open 0.1-0.3 the 0.4-0.5");
  hear(0, 2);
  finish("Open 0.1-0.3 the 0.4-0.5 gate. 0.6-1.2");
  hear(0, 3);
  finish("Open 0.1-0.3 the 0.4-0.5 gate. 0.6-1.2");
  const auto found = records(Kind::kTranscript);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].state, RecordState::kOpen);
  EXPECT_EQ(found[1].state, RecordState::kUpdate);
  EXPECT_EQ(found[1].text, "Open the gate.");
  EXPECT_EQ(found[2].state, RecordState::kClose);
  EXPECT_EQ(found[2].t_start_ms, 1'000'100);
  EXPECT_EQ(found[2].t_end_ms, 1'001'200);
  for (std::uint32_t rev = 0; rev < 3; ++rev) {
    EXPECT_EQ(found[rev].id, found[0].id);
    EXPECT_EQ(found[rev].rev, rev);
  }
  const auto facts = narration_->timeline().between(0, 2'000'000);
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts[0].text, "Open the gate.");
  EXPECT_EQ(facts[0].start.t, milliseconds(100));
  EXPECT_EQ(facts[0].record_id, found[0].id);
  EXPECT_EQ(publisher_.live().back().second, "Open the gate.");
  EXPECT_EQ(publisher_.states().back().last_text, "Open the gate.");
  EXPECT_EQ(narration_->stats().words, 3u);
}

TEST_F(StreamNarrationTest, OnePassRunsAndTheNewestWindowWaits) {
  hear(0, 1);
  hear(0, 2);
  hear(0, 3);
  EXPECT_EQ(engine_.speech_waiting(), 1u);
  EXPECT_EQ(narration_->stats().superseded, 1u);
  finish("one 0.1-0.3");
  ASSERT_EQ(engine_.speech_waiting(), 1u);
  EXPECT_EQ(engine_.take_speech().request.audio_length, seconds(3));
  EXPECT_TRUE(narration_->busy());
}

TEST_F(StreamNarrationTest, SilenceAfterAWaitingWindowDoesNotReplaceIt) {
  hear(0, 1);
  hear(0, 2);
  hear(1.5, 3, false);
  hear(2.5, 4, false);
  finish("one 0.1-0.3");
  finish("one 0.1-0.3 two. 0.5-1.5");
  EXPECT_EQ(closed_text(), "one two.|");
  EXPECT_FALSE(narration_->busy());
  EXPECT_EQ(narration_->committed_until().t, at(0));  // what was said is context for what comes
}

TEST_F(StreamNarrationTest, SilenceCommitsWhatOnePassGave) {
  hear(0, 1);
  finish("stop 0.1-0.9");
  hear(0, 2, false);
  EXPECT_EQ(closed_text(), "stop|");
}

TEST_F(StreamNarrationTest, TheEndCommitsEverything) {
  hear(0, 1, true, true);
  finish("stop 0.1-0.9");
  EXPECT_EQ(closed_text(), "stop|");
}

TEST_F(StreamNarrationTest, FlickerIsNotCommitted) {
  hear(0, 1);
  finish("there 0.1-0.5");
  hear(0, 2);
  finish("their 0.1-0.5 cat 0.6-1.0");
  hear(0, 3);
  finish("there 0.1-0.5 cat 0.6-1.0");
  hear(0, 4);
  finish("there 0.1-0.5 cat 0.6-1.0 sat. 1.1-1.4");
  hear(0, 5, true, true);
  finish("there 0.1-0.5 cat 0.6-1.0 sat. 1.1-1.4");
  EXPECT_EQ(closed_text(), "there cat|sat.|");
}

TEST_F(StreamNarrationTest, RejectedPassesGiveNothing) {
  hear(0, 1);
  finish("you 0.1-0.9", FinishReason::kStop, true);
  hear(0, 2, true, true);
  finish("you 0.1-0.9", FinishReason::kStop, true);
  EXPECT_TRUE(records(Kind::kTranscript).empty());
  EXPECT_EQ(narration_->stats().rejected, 2u);
}

TEST_F(StreamNarrationTest, NoiseThatSoundsLikeWordsGivesNone) {
  for (const int from : {0, 1, 2}) {
    hear(from, from + 2);
    auto pass = engine_.take_speech();
    SpeechResult result;
    result.transcript.no_speech_probability = 0.7F;
    result.transcript.mean_log_probability = -0.9F;
    result.transcript.segments.emplace_back().words.push_back({" Thanks", at(0.1), at(0.4), 0.3F});
    pass.done(std::move(result));
  }
  EXPECT_TRUE(records(Kind::kTranscript).empty());
  EXPECT_EQ(narration_->stats().rejected, 3u);
}

TEST_F(StreamNarrationTest, AFailedPassCostsOnlyItself) {
  hear(0, 1);
  finish("", FinishReason::kError);
  hear(0, 2);
  finish("", FinishReason::kShed);
  hear(0, 3, true, true);
  finish("still 0.1-0.4 here. 0.5-0.9");
  EXPECT_EQ(closed_text(), "still here.|");
  EXPECT_EQ(narration_->stats().failed, 1u);
  EXPECT_EQ(narration_->stats().shed, 1u);
}

TEST_F(StreamNarrationTest, AShedLastPassCommitsTheOneBefore) {
  hear(0, 1);
  finish("still 0.1-0.4 here. 0.5-0.8");
  hear(0, 2, true, true);
  finish("", FinishReason::kShed);
  EXPECT_EQ(closed_text(), "still here.|");
}

TEST_F(StreamNarrationTest, EpochsDoNotMix) {
  hear(0, 1);
  finish("first 0.1-0.4");
  hear(0, 2);  // still running when the stream reconnects
  clock(1, 2000);
  hear(0, 1, true, false, 1);
  finish("first 0.1-0.4 one 0.6-0.9");
  EXPECT_EQ(closed_text(), "first one|");
  finish("second 0.1-0.4");
  hear(0, 2, false, false, 1);
  const auto found = records(Kind::kTranscript);
  EXPECT_EQ(closed_text(), "first one|second|");
  EXPECT_EQ(found.back().t_start_ms, 2'000'100);
  EXPECT_NE(found.back().id, found.front().id);
  EXPECT_EQ(narration_->committed_until().epoch, 1u);
}

TEST_F(StreamNarrationTest, TheWaitingLineIsBounded) {
  hear(0, 1);
  for (int i = 1; i < 20; ++i) hear(i, i + 1);  // a source that moves on although nothing is committed
  EXPECT_EQ(narration_->stats().shed, 15u);
}

TEST_F(StreamNarrationTest, ConditionsOpenAndClose) {
  narration_->on_health({signals::Condition::kSoundSilent, true, {0, at(20)}, -80.0});
  narration_->on_health({signals::Condition::kSoundSilent, true, {0, at(21)}, -80.0});
  narration_->on_health({signals::Condition::kSoundSilent, false, {0, at(31)}, -30.0});
  const auto found = records(Kind::kStatus);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text, "sound_silent");
  EXPECT_EQ(found[0].state, RecordState::kOpen);
  EXPECT_EQ(found[1].state, RecordState::kClose);
  EXPECT_EQ(found[1].id, found[0].id);
  EXPECT_EQ(found[1].rev, 1u);
  EXPECT_EQ(found[1].t_start_ms, 1'020'000);
  EXPECT_EQ(found[1].t_end_ms, 1'031'000);
}

TEST_F(StreamNarrationTest, ANewEpochClosesConditions) {
  narration_->on_health({signals::Condition::kSoundSilent, true, {0, at(1)}, -80.0});
  hear(0, 5, false);
  clock(1, 2000);
  const auto found = records(Kind::kStatus);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].state, RecordState::kClose);
  EXPECT_EQ(found[1].t_end_ms, 1'005'000);
}

TEST_F(StreamNarrationTest, StatesFollowEachOther) {
  narration_->on_status({StreamState::kRunning, "", 0});
  narration_->on_status({StreamState::kReconnecting, "refused", 5000});
  narration_->on_status({StreamState::kReconnecting, "refused", 9000});
  narration_->on_status({StreamState::kStopped, "", 0});
  std::string text;
  for (const Record& record : records(Kind::kStatus)) {
    text += record.text + (record.state == RecordState::kOpen ? "+ " : "- ");
  }
  EXPECT_EQ(text, "running+ running- reconnecting(refused)+ reconnecting(refused)- stopped+ stopped- ");
  const auto states = publisher_.states();
  EXPECT_EQ(states[states.size() - 2].next_try_ms, 9000);
  EXPECT_EQ(states.back().state, "stopped");
}

TEST_F(StreamNarrationTest, StopCancelsAndClosesWhatIsOpen) {
  narration_->on_status({StreamState::kRunning, "", 0});
  narration_->on_health({signals::Condition::kSoundClipped, true, {0, at(1)}, 0.2});
  hear(0, 1);
  finish("half 0.1-0.4");
  hear(0, 2);
  auto pass = engine_.take_speech();
  narration_->stop();
  EXPECT_TRUE(pass.handle->cancelled);
  EXPECT_EQ(closed_text(), "half|");
  std::map<std::string, RecordState> last;
  for (const Record& record : publisher_.records()) last[record.id] = record.state;
  for (const auto& [id, state] : last) EXPECT_EQ(state, RecordState::kClose) << id;
  const auto count = publisher_.records().size();
  SpeechResult late;
  late.reason = FinishReason::kCancelled;
  pass.done(std::move(late));
  hear(2, 3);
  EXPECT_EQ(publisher_.records().size(), count);
}

TEST_F(StreamNarrationTest, APassMayOutliveTheStream) {
  hear(0, 1);
  auto pass = engine_.take_speech();
  narration_.reset();
  pass.done({});
}

TEST_F(StreamNarrationTest, ThreadsMayMeet) {
  std::atomic<bool> done{false};
  std::thread passes([&] {
    while (!done || engine_.speech_waiting() > 0) {
      if (engine_.speech_waiting() > 0) finish("tick 0.1-0.4");
    }
  });
  for (int i = 0; i < 200; ++i) {
    hear(i, i + 1, i % 5 != 0);
    if (i % 10 == 0) narration_->on_health({signals::Condition::kSoundSilent, i % 20 == 0, {0, at(i)}, 0.0});
    narration_->committed_until();
    narration_->timeline().between(0, 2'000'000);
  }
  while (narration_->busy()) std::this_thread::yield();
  done = true;
  passes.join();
  narration_->stop();
  const auto stats = narration_->stats();
  EXPECT_EQ(stats.windows, 200u);
  EXPECT_EQ(stats.silent, 40u);
  EXPECT_GT(stats.words, 0u);
}

}  // namespace
}  // namespace vedette::daemon::narration
