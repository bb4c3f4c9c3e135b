#include <gmock/gmock.h>

#include <filesystem>

#include "tests/daemon/narration/sight_fixture.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon::narration {
namespace {

using models::runtime::FinishReason;
using sinks::Kind;
using sinks::RecordState;
using testing::HasSubstr;

TEST_F(StreamSightTest, RulesAreCheckedAndRaiseAlerts) {
  options_.captions = false;
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(60)});
  options_.alerts.push_back({"it burns", 0.5F, seconds(0)});
  see(10);
  ASSERT_EQ(engine_.scores_waiting(), 2u);
  see(11);
  EXPECT_EQ(engine_.scores_waiting(), 2u);  // each rule once at a time
  {
    const auto check = engine_.take_score();
    EXPECT_EQ(check.request.priority, models::runtime::Priority::kAlert);
    EXPECT_THAT(tests::readable(tokenizer_, check.request.prompt),
                HasSubstr("Is it true that a person is visible?"));
    EXPECT_EQ(check.request.choices.size(), 2u);
    models::runtime::ScoreResult result;
    result.probabilities = {0.9F, 0.1F};
    check.done(std::move(result));
  }
  score(0.49F);
  const auto alerts = records(Kind::kAlert);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].rule, "a person is visible");
  EXPECT_EQ(alerts[0].score, 0.9);
  EXPECT_EQ(alerts[0].t_end_ms, 1'010'000);
  EXPECT_EQ(alerts[0].state, RecordState::kClose);
  EXPECT_EQ(alerts[0].model, "small");
  EXPECT_FALSE(alerts[0].prompt_hash.empty());
  EXPECT_EQ(alerts[0].details,
            R"({"cooldown_s":60.0,"decision":"raised","scored_by":"model","threshold":0.7})");
  see(20);  // the first rule cools down
  EXPECT_EQ(engine_.scores_waiting(), 1u);
  score(0.5F);
  see(69, 0.0F);
  EXPECT_EQ(engine_.scores_waiting(), 0u);
  see(70);
  EXPECT_EQ(engine_.scores_waiting(), 2u);
  score(0.1F);
  score(0.0F, FinishReason::kShed);
  const SightStats stats = sight().stats();
  EXPECT_EQ(stats.alerts_raised, 2u);
  EXPECT_EQ(stats.checks_below, 2u);
  EXPECT_EQ(stats.checks_shed, 1u);
}

TEST_F(StreamSightTest, WordsAreNewsForRules) {
  options_.alerts.push_back({"somebody calls for help", 0.7F, seconds(0)});
  sight().on_words({0, seconds(3)});
  EXPECT_EQ(engine_.scores_waiting(), 0u);
  Fact fact;
  fact.label = "heard";
  fact.text = "Help!";
  fact.t_start_ms = 1'001'000;
  fact.t_end_ms = 1'002'000;
  book_->timeline.add(fact);
  sight().on_words({0, seconds(3)});
  EXPECT_EQ(engine_.scores_waiting(), 1u);
  EXPECT_THAT(tests::readable(tokenizer_, engine_.sessions()[0]->pieces[0].tokens), HasSubstr("\"Help!\""));
  score(0.9F);
  EXPECT_EQ(records(Kind::kAlert).size(), 1u);
  EXPECT_TRUE(records(Kind::kCaption).empty());  // there is no picture to tell of
}

// A model that was not taught to narrate is not asked about what the facts say.
class PlainAlertsTest : public StreamSightTest {
 protected:
  PlainAlertsTest() {
    layout_.narrates = false;
    options_.captions = false;
  }
  void rule(const std::string& when, int cooldown_s = 60) {
    options_.alerts.push_back({when, 0.7F, seconds(cooldown_s)});
  }
  void move(int t, bool open) {
    signals::MotionEvent event;
    event.phase = open ? signals::MotionPhase::kOpen : signals::MotionPhase::kClose;
    event.start = {0, seconds(5)};
    event.end = {0, seconds(t)};
    event.count = 1;
    sight().on_motion(event);
  }
  std::string alerts() const {
    std::string told;
    for (const sinks::Record& record : records(Kind::kAlert)) {
      const auto score = static_cast<int>(record.score.value_or(-1) * 100 + 0.5);
      told += record.rule + " " + std::to_string(score) + " at " +
              std::to_string(record.t_end_ms / 1000 - 1000) + ";";
    }
    return told;
  }
};

TEST_F(PlainAlertsTest, SomethingMovesIsTrueWhileItDoes) {
  rule("something moves", 30);
  see(0);
  see(4);
  EXPECT_EQ(alerts(), "");
  move(6, true);
  EXPECT_EQ(alerts(), "something moves 100 at 6;");
  see(20);
  move(40, false);
  see(41);
  EXPECT_EQ(alerts(), "something moves 100 at 6;");
  EXPECT_EQ(engine_.scores_waiting(), 0u);
  EXPECT_TRUE(engine_.sessions().empty());
  const auto alert = records(Kind::kAlert)[0];
  EXPECT_EQ(alert.details, R"({"cooldown_s":30.0,"decision":"raised","scored_by":"facts","threshold":0.7})");
  EXPECT_EQ(alert.model, "");
  EXPECT_EQ(sight().stats().alerts_raised, 1u);
  EXPECT_EQ(sight().stats().checks_below, 4u);
}

TEST_F(PlainAlertsTest, NeedNoLanguageModel) {
  thinks_ = false;
  rule("a person is visible");
  rule("it burns");
  see(1, 0.1F, {{"person", "left", 0.69F}});
  EXPECT_EQ(alerts(), "");
  see(2, 0.1F, {{"person", "left", 0.5F}, {"person", "right", 0.8F}});
  EXPECT_EQ(alerts(), "a person is visible 80 at 2;");
}

TEST_F(PlainAlertsTest, WaitForAPictureAndAskTheModelWhereNobodyLooks) {
  rule("a person is visible");
  move(3, true);
  EXPECT_EQ(engine_.scores_waiting(), 0u);
  see(4);  // without sightings: this model has no heads
  EXPECT_EQ(engine_.scores_waiting(), 1u);
  score(0.9F);
  EXPECT_EQ(alerts(), "a person is visible 90 at 4;");
}

TEST_F(PlainAlertsTest, ConditionsAndWordsAreNews) {
  rule("the picture is black");
  rule("somebody says help");
  sight().on_condition({0, seconds(1)});
  EXPECT_EQ(alerts(), "");
  Fact fact;
  fact.kind = FactKind::kCondition;
  fact.label = "picture_black";
  fact.open = true;
  fact.t_start_ms = 1'002'000;
  book_->timeline.add(fact);
  sight().on_condition({0, seconds(2)});
  EXPECT_EQ(alerts(), "the picture is black 100 at 2;");
  Fact words;
  words.label = "heard";
  words.text = "Help! Help me!";
  words.t_start_ms = 1'003'000;
  words.t_end_ms = 1'004'000;
  book_->timeline.add(words);
  sight().on_words({0, seconds(6)});
  EXPECT_EQ(alerts(), "the picture is black 100 at 2;somebody says help 100 at 6;");
}

TEST_F(StreamSightTest, CaptionsAndAlertsNameTheirPicture) {
  const test::TemporaryFolder folder;
  evidence::EvidenceOptions disk;
  disk.folder = folder.path() / "evidence";
  evidence::EvidenceStore store(disk);
  options_.evidence = &store;
  options_.alerts.push_back({"a person is visible", 0.7F, seconds(60)});
  see(0);
  answer("A yard.");
  score(0.8F);
  store.stop();
  see(1, 0.1F, {}, true);
  const auto told = records(Kind::kCaption);
  ASSERT_EQ(told.size(), 2u);
  ASSERT_EQ(told[0].evidence.size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(told[0].evidence[0]));
  EXPECT_EQ(told[1].evidence, told[0].evidence);
  EXPECT_EQ(records(Kind::kAlert)[0].evidence.size(), 1u);
  EXPECT_EQ(book_->timeline.between(0, 2'000'000)[0].frame, told[0].evidence[0]);
}

}  // namespace
}  // namespace vedette::daemon::narration
