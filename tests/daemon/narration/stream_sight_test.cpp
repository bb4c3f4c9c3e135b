#include "daemon/narration/stream_sight.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/daemon/narration/sight_fixture.h"

namespace vedette::daemon::narration {
namespace {

using models::runtime::FinishReason;
using sinks::Kind;
using testing::HasSubstr;

TEST_F(StreamSightTest, WhileNothingChangesNothingIsAsked) {
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(0)});
  see(0);
  answer("A yard.");
  score(0.1F);
  for (int t = 1; t <= 100; ++t) see(t, 0.0F);
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  EXPECT_EQ(engine_.scores_waiting(), 0u);
  ASSERT_EQ(engine_.sessions().size(), 1u);
  EXPECT_EQ(engine_.sessions()[0]->pieces.size(), 1u);  // no token is run either
  EXPECT_EQ(captions(), "+A yard. 0|~A yard. 30|~A yard. 60|~A yard. 90|");
  EXPECT_EQ(sight().stats().captions_asked, 1u);
  EXPECT_EQ(sight().stats().unchanged, 100u);
}

TEST_F(StreamSightTest, CaptionsComeOnACadenceAndOnMuchChange) {
  see(0);
  EXPECT_EQ(engine_.texts_waiting(), 1u);
  for (int t = 1; t < 9; ++t) see(t);
  EXPECT_EQ(engine_.texts_waiting(), 1u);  // one at a time
  EXPECT_TRUE(sight().busy());
  answer("One.");
  EXPECT_EQ(engine_.texts_waiting(), 1u);  // it was time for the next
  answer("Two.");
  see(9);
  EXPECT_EQ(engine_.texts_waiting(), 0u);  // the one at 8 s is not 5 s old
  see(10, 0.5F);
  EXPECT_EQ(engine_.texts_waiting(), 1u);
  answer("two");
  EXPECT_FALSE(sight().busy());
  see(14, 0.0F);
  EXPECT_EQ(captions(), "+One. 0|-One. 8|+Two. 8|");
  see(15);
  answer("Three.");
  see(16, 0.1F, {}, true);
  EXPECT_EQ(captions(), "+One. 0|-One. 8|+Two. 8|-Two. 15|+Three. 15|-Three. 16|");
  EXPECT_EQ(publisher_.states().back().last_text, "Three.");
}

TEST_F(StreamSightTest, FewerCaptionsAreAskedForWhereTheMachineIsToDoLess) {
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(0)});
  sight().set_caption_share(0.5);
  see(0);
  answer("One.");
  score(0.1F);
  for (int t = 1; t <= 9; ++t) see(t);
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  see(10);
  answer("Two.");
  EXPECT_EQ(captions(), "+One. 0|-One. 10|+Two. 10|");
  sight().set_caption_share(0.0);
  score(0.1F);
  for (int t = 11; t <= 40; ++t) see(t, 0.5F);
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  EXPECT_THAT(captions(), HasSubstr("-Two. 1"));  // what was measured is told instead
  EXPECT_EQ(sight().stats().captions_asked, 2u);
  EXPECT_EQ(engine_.scores_waiting(), 1u);  // alerts are checked all the same
  sight().set_caption_share(1.0);
  see(50);
  EXPECT_EQ(engine_.texts_waiting(), 1u);
}

TEST_F(StreamSightTest, TheModelIsAskedBehindPicturesAndFacts) {
  see(12, 0.1F, {{"person", "middle", 0.8F}});
  const auto text = engine_.take_text();
  EXPECT_EQ(text.request.priority, models::runtime::Priority::kCaption);
  ASSERT_NE(text.request.session, nullptr);
  EXPECT_EQ(tests::readable(tokenizer_, engine_.sessions()[0]->pieces[0].tokens), "[t=0.0]##\n");
  EXPECT_EQ(tests::readable(tokenizer_, text.request.prompt),
            "[sees 0.0] person, middle, 0.8\n\nDescribe what happens.<|im_end|>\n<|im_start|>assistant\n");
  text.callbacks.on_text("A per");
  text.callbacks.on_text("son");
  EXPECT_EQ(publisher_.live().back().second, "A person");
}

TEST_F(StreamSightTest, WithoutAModelThatNarratesTheFactsAreTold) {
  layout_.narrates = false;
  see(0, 0.1F, {{"person", "left", 0.9F}});
  EXPECT_EQ(captions(), "+A person on the left. 0|");
  EXPECT_EQ(records(Kind::kCaption)[0].details, R"({"source":"facts"})");
  EXPECT_EQ(records(Kind::kCaption)[0].model, "");
  see(5, 0.1F, {{"person", "left", 0.4F}});
  see(10, 0.1F, {{"nothing", "", 0.9F}});
  EXPECT_EQ(
      captions(),
      "+A person on the left. 0|-A person on the left. 5|+Something on the left. 5|-Something on the left. "
      "10|+Nothing stands out. 10|");
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  EXPECT_TRUE(engine_.sessions().empty());
  EXPECT_THAT(render(book_->timeline.between(0, 2'000'000), {nullptr, 1'000'000, 0, {}}).text,
              "[sees 0.0] person, left, 0.9\n[sees 5.0] something, left, 0.4\n[sees 10.0] nothing, 0.9\n");
}

TEST_F(StreamSightTest, KindsThatAreLikelySomewhereStandBesideWhatIsSeen) {
  const models::runtime::Sighting something{"something", "left", 0.8F}, person{"person", "", 0.4F, true},
      covered{"picture_covered", "", 0.9F, true};
  see(0, 0.1F, {something, person});
  see(1, 0.1F, {something, person, covered});
  see(2, 0.1F, {something, covered});
  std::string told;
  for (const Fact& fact : book_->timeline.between(1'000'000, 1'020'000)) told += fact.text + "|";
  EXPECT_EQ(told, "something, left, 0.8; perhaps person||something, left, 0.8|");
}

TEST_F(StreamSightTest, AFaultThatTwoPicturesShowIsACondition) {
  const auto open_conditions = [&] {
    std::string labels;
    for (const Fact& fact : book_->timeline.open()) {
      if (fact.kind == FactKind::kCondition)
        labels += fact.label + " since " + std::to_string(fact.t_start_ms) + ";";
    }
    return labels;
  };
  const models::runtime::Sighting nothing{"nothing", "", 0.9F}, covered{"picture_covered", "", 0.9F, true},
      black{"picture_black", "", 0.9F, true};
  see(0, 0.1F, {nothing, covered});
  see(1, 0.1F, {nothing});
  see(2, 0.1F, {nothing, covered});
  EXPECT_EQ(open_conditions(), "");
  see(3, 0.0F);  // the same picture
  EXPECT_EQ(open_conditions(), "picture_covered since 1002000;");
  see(4, 0.1F, {nothing});
  see(5, 0.1F, {nothing});
  EXPECT_EQ(open_conditions(), "");
  see(6, 0.1F, {nothing, covered});
  see(7, 0.1F, {nothing, covered});
  see(8, 1.0F, {}, true);
  EXPECT_EQ(open_conditions(), "");
  see(9, 0.1F, {nothing, black});
  see(10, 0.1F, {nothing, black});
  EXPECT_EQ(open_conditions(), "");  // that is measured
  Fact noisy;
  noisy.kind = FactKind::kCondition;
  noisy.label = "picture_noisy";
  noisy.open = true;
  noisy.t_start_ms = 1'011'000;
  book_->timeline.add(noisy);
  see(12, 0.1F, {nothing, covered});
  see(13, 0.1F, {nothing, covered});
  EXPECT_EQ(open_conditions(), "picture_noisy since 1011000;");
  for (const Fact& fact : book_->timeline.between(1'000'000, 1'020'000)) {
    EXPECT_TRUE(fact.kind != FactKind::kSeen || fact.text == "nothing, 0.9") << fact.text;
  }
}

TEST_F(StreamSightTest, AModelThatInventsIsOverruled) {
  see(0, 0.1F, {{"vehicle", "left", 0.9F}});
  answer("A person walks a dog.");
  EXPECT_EQ(captions(), "+A vehicle on the left. 0|");
  EXPECT_EQ(records(Kind::kCaption)[0].details, R"({"source":"overruled"})");
  see(5, 0.1F, {{"vehicle", "left", 0.9F}});
  answer("Two vehicles stand there.");
  EXPECT_THAT(captions(), HasSubstr("+Two vehicles stand there. 5|"));
  EXPECT_EQ(sight().stats().captions, (std::array<std::uint64_t, 3>{0, 1, 1}));
}

TEST_F(StreamSightTest, SheddingClosesAndFailureFallsBack) {
  see(0);
  answer("A yard.");
  see(5);
  answer("", FinishReason::kShed);
  EXPECT_EQ(captions(), "+A yard. 0|-A yard. 5|");
  see(10);  // what was not told is told now
  answer("", FinishReason::kError);
  EXPECT_EQ(captions(), "+A yard. 0|-A yard. 5|+Nothing moves. 10|");
  see(15);
  answer(" \n123 ");
  EXPECT_EQ(captions(), "+A yard. 0|-A yard. 5|+Nothing moves. 10|");
  EXPECT_EQ(sight().stats().captions_failed, 2u);
  EXPECT_EQ(sight().stats().captions_shed, 1u);
}

TEST_F(StreamSightTest, MovementIsARecordAFactAndANewCaption) {
  layout_.narrates = false;
  see(0);
  see(1, 0.0F);
  signals::MotionEvent event;
  event.kind = signals::MotionKind::kThings;
  event.phase = signals::MotionPhase::kOpen;
  event.start = {0, seconds(1)};
  event.end = {0, seconds(2)};
  event.count = 1;
  event.direction = signals::Direction::kLeftToRight;
  event.things.push_back({event.direction, signals::Region::kMiddle, false, false});
  sight().on_motion(event);
  EXPECT_EQ(captions(), "+Nothing moves. 0|-Nothing moves. 2|+Something moves: one thing, left to right. 2|");
  event.phase = signals::MotionPhase::kClose;
  event.end = {0, seconds(4)};
  sight().on_motion(event);
  EXPECT_THAT(captions(), HasSubstr("+Nothing moves. 4|"));
  const auto motions = records(Kind::kMotion);
  ASSERT_EQ(motions.size(), 2u);
  EXPECT_EQ(motions[1].t_end_ms, 1'004'000);
  event.start.epoch = 7;
  sight().on_motion(event);
  EXPECT_EQ(records(Kind::kMotion).size(), 2u);
}

TEST_F(StreamSightTest, TheLatestPictureIsAJpeg) {
  EXPECT_EQ(sight().latest_jpeg(), nullptr);
  see(0);
  const auto jpeg = sight().latest_jpeg();
  ASSERT_NE(jpeg, nullptr);
  EXPECT_TRUE(jpeg->starts_with("\xff\xd8"));
  EXPECT_EQ(sight().latest_jpeg(), jpeg);  // made once
  see(1, 0.0F);
  EXPECT_NE(sight().latest_jpeg(), jpeg);
  EXPECT_EQ(sight().latest_picture(1'000'000, 1'000'500).owner, nullptr);
  EXPECT_NE(sight().latest_picture(1'000'000, 1'001'000).owner, nullptr);
}

TEST_F(StreamSightTest, AnEpochClosesAndCancels) {
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(60)});
  see(0, 0.1F, {{"person", "left", 0.9F}});
  answer("A person.");
  see(5, 0.1F, {{"person", "left", 0.9F}});
  auto text = engine_.take_text();
  auto check = engine_.take_score();
  base::ClockMap clock;
  clock.epoch = 1;
  clock.utc_zero = seconds(2000);
  sight().on_clock(clock);
  EXPECT_TRUE(text.handle->cancelled);
  EXPECT_TRUE(check.handle->cancelled);
  EXPECT_EQ(captions(), "+A person. 0|-A person. 5|");
  EXPECT_TRUE(book_->timeline.open().empty());
  models::runtime::TextResult late;
  late.text = "Late.";
  text.callbacks.on_finished(std::move(late));
  models::runtime::ScoreResult yes;
  yes.probabilities = {1.0F, 0.0F};
  check.done(std::move(yes));
  see(6);  // of the epoch before
  EXPECT_EQ(captions(), "+A person. 0|-A person. 5|");
  EXPECT_TRUE(records(Kind::kAlert).empty());
}

TEST_F(StreamSightTest, AnswersMayOutliveTheStream) {
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(60)});
  see(0);
  sight().stop();
  see(1);
  sight_.reset();
  answer("Late.");
  score(1.0F);
  EXPECT_TRUE(records(Kind::kCaption).empty());
}

TEST_F(StreamSightTest, AForkHoldsWhatTheQuestionIsAbout) {
  see(10);
  const auto now_facts = book_->timeline.between(1'000'000, 2'000'000);
  const auto fork = sight().fork(now_facts, 1'010'000, "What is there?");
  ASSERT_NE(fork.session, nullptr);
  EXPECT_THAT(tests::readable(tokenizer_, fork.suffix.tokens), HasSubstr("What is there?"));
  Fact old;
  old.text = "long ago";
  old.t_start_ms = old.t_end_ms = 900'000;
  EXPECT_EQ(sight().fork({old}, 1'010'000, "What was said?").session, nullptr);
  thinks_ = false;
}

TEST_F(StreamSightTest, ThreadsMayMeet) {
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(0)});
  options_.caption_every = options_.caption_soonest = nanoseconds(0);
  sight();
  std::atomic<bool> done{false};
  std::thread engine([&] {
    while (!done || engine_.texts_waiting() + engine_.scores_waiting() > 0) {
      if (engine_.texts_waiting() > 0) answer("Something.");
      if (engine_.scores_waiting() > 0) score(0.8F);
    }
  });
  for (int t = 0; t < 300; ++t) {
    see(t, t % 3 == 0 ? 0.0F : 0.5F, {{"person", t % 2 == 0 ? "left" : "right", 0.9F}});
    sight().latest_jpeg();
    sight().stats();
    sight().pictures(0, 2'000'000);
  }
  done = true;
  engine.join();
  sight().stop();
  EXPECT_GT(sight().stats().alerts_raised, 0u);
  EXPECT_TRUE(book_->timeline.open().empty());
}

}  // namespace
}  // namespace vedette::daemon::narration
