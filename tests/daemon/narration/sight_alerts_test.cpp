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
  EXPECT_EQ(alerts[0].details, R"({"cooldown_s":60.0,"decision":"raised","threshold":0.7})");
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
