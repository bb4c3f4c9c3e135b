#include "sinks/redis/questions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/sinks/redis/publisher_fixture.h"

namespace vedette::sinks::redis {
namespace {

using tests::eventually;
using tests::RedisClient;
using tests::RedisServer;

// Keeps what it is asked until the test answers.
class Narrator {
 public:
  QuestionHandler handler() {
    return [this](Question question, AnswerCallback callback) {
      const std::lock_guard lock(mutex_);
      asked_.push_back({std::move(question), std::move(callback)});
    };
  }
  std::size_t asked() const {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }
  Question question(std::size_t i) const {
    const std::lock_guard lock(mutex_);
    return asked_.at(i).first;
  }
  bool answer(std::size_t i, AnswerState state, std::string text) {
    Answer answer;
    answer.state = state;
    answer.text = std::move(text);
    const std::lock_guard lock(mutex_);
    return asked_.at(i).second(std::move(answer));
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::pair<Question, AnswerCallback>> asked_;
};

class QuestionsTest : public testing::Test {
 protected:
  QuestionsTest() {
    publisher_.set_streams({"gate"});
    owns(publisher_);
  }
  void ask(const char* id, const char* stream = "gate", const char* text = "What was said?") {
    client_.run({"XADD", "vedette:questions", "*", "id", id, "stream", stream, "text", text});
  }
  std::vector<RedisClient::Entry> answers(const std::string& id) {
    std::vector<RedisClient::Entry> answers = client_.entries("vedette:answers");
    std::erase_if(answers, [&](const auto& entry) { return entry.fields.at("id") != id; });
    return answers;
  }
  std::string pending() {
    const std::string text = client_.run({"XPENDING", "vedette:questions", "vedetted"});
    return text.substr(0, text.find(' '));
  }
  std::string reason(const std::string& id) {
    EXPECT_TRUE(eventually([&] { return answers(id).size() == 1; })) << id;
    return answers(id).empty() ? "" : answers(id)[0].fields.at("reason");
  }

  RedisServer server_;
  RedisClient client_{server_.url()};
  RedisPublisher publisher_{quick(server_.url())};
  Narrator narrator_;
};

TEST_F(QuestionsTest, AreAnsweredInStepsAndAcknowledgedAtTheEnd) {
  QuestionIntake intake(publisher_, narrator_.handler());
  ask("q1");
  ASSERT_TRUE(eventually([&] { return narrator_.asked() == 1; }));
  EXPECT_EQ(narrator_.question(0).text, "What was said?");
  EXPECT_TRUE(narrator_.answer(0, AnswerState::kPartial, "Good"));
  EXPECT_EQ(pending(), "1");
  EXPECT_TRUE(narrator_.answer(0, AnswerState::kFinal, "Good morning."));
  EXPECT_FALSE(narrator_.answer(0, AnswerState::kFinal, "late"));
  ASSERT_TRUE(eventually([&] { return pending() == "0"; }));
  const auto steps = answers("q1");
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].fields.at("state"), "partial");
  EXPECT_EQ(steps[0].fields.at("seq"), "0");
  EXPECT_EQ(steps[1].fields.at("state"), "final");
  EXPECT_EQ(steps[1].fields.at("seq"), "1");
  EXPECT_EQ(steps[1].fields.at("stream"), "gate");
  EXPECT_EQ(steps[1].fields.at("text"), "Good morning.");
  EXPECT_EQ(intake.stats().open, 0U);
}

TEST_F(QuestionsTest, BadOnesGetAnErrorWithAReason) {
  QuestionIntake intake(publisher_, narrator_.handler());
  ask("unknown", "yard");
  EXPECT_EQ(reason("unknown"), "there is no stream yard");
  client_.run({"XADD", "vedette:questions", "*", "id", "bare", "stream", "gate"});
  EXPECT_EQ(reason("bare"), "text is empty");
  const std::string entry = client_.run({"XADD", "vedette:questions", "*", "nonsense", "\xff\x00"});
  EXPECT_NE(reason(entry).find("id must be"), std::string::npos);
  const std::string huge(3'000'000, 'x');
  client_.run({"XADD", "vedette:questions", "*", "id", "huge", "stream", "gate", "text", huge});
  EXPECT_EQ(reason("huge"), "text is longer than 2048 bytes");
  ASSERT_TRUE(eventually([&] { return pending() == "0"; }));
  EXPECT_EQ(narrator_.asked(), 0U);
  EXPECT_EQ(intake.stats().refused, 4U);
}

TEST_F(QuestionsTest, OldOnesAreRefused) {
  const std::string id = std::to_string(base::utc_now_ms() - 120'000);
  client_.run({"XADD", "vedette:questions", id, "id", "ancient", "stream", "gate", "text", "?"});
  client_.run({"XGROUP", "CREATE", "vedette:questions", "vedetted", "0"});
  QuestionIntake intake(publisher_, narrator_.handler());
  EXPECT_EQ(reason("ancient"), "the question is older than 60 s");
}

TEST_F(QuestionsTest, OneClientOpensAFewAndAllTogetherABoundedNumber) {
  QuestionOptions options;
  options.open = 5;
  options.open_per_client = 2;
  QuestionIntake intake(publisher_, narrator_.handler(), options);
  for (int i = 0; i < 3; ++i) ask(("n" + std::to_string(i)).c_str());
  EXPECT_EQ(reason("n2"), "too many questions without a field client are open");
  for (const char* client : {"a", "b", "c", "d"}) {
    client_.run(
        {"XADD", "vedette:questions", "*", "id", client, "stream", "gate", "text", "?", "client", client});
  }
  EXPECT_NE(reason("d").find("busy"), std::string::npos);
  EXPECT_EQ(intake.stats().open, 5U);
  narrator_.answer(0, AnswerState::kFinal, "done");
  ask("again");
  EXPECT_TRUE(eventually([&] { return narrator_.asked() == 6; }));
}

TEST_F(QuestionsTest, AQuestionThatIsAskedTwiceIsAnsweredOnce) {
  QuestionIntake intake(publisher_, narrator_.handler());
  ask("q1");
  ask("q1");
  ASSERT_TRUE(eventually([&] { return pending() == "1" && narrator_.asked() == 1; }));
  narrator_.answer(0, AnswerState::kFinal, "once");
  ASSERT_TRUE(eventually([&] { return pending() == "0"; }));
  EXPECT_EQ(answers("q1").size(), 1U);
}

TEST_F(QuestionsTest, WhatACrashedDaemonLeftIsClaimedAndAnswered) {
  client_.run({"XGROUP", "CREATE", "vedette:questions", "vedetted", "0", "MKSTREAM"});
  ask("left");
  client_.run({"XREADGROUP", "GROUP", "vedetted", "crashed", "STREAMS", "vedette:questions", ">"});
  QuestionOptions options;
  options.claim_after = std::chrono::milliseconds(0);
  QuestionIntake intake(publisher_, narrator_.handler(), options);
  ASSERT_TRUE(eventually([&] { return narrator_.asked() == 1; }));
  narrator_.answer(0, AnswerState::kFinal, "found");
  ASSERT_TRUE(eventually([&] { return pending() == "0"; }));
  EXPECT_EQ(answers("left").size(), 1U);
}

TEST_F(QuestionsTest, GoToTheDaemonThatHasTheStream) {
  RedisPublisher other(quick(server_.url(), "other"));
  other.set_streams({"yard"});
  ASSERT_TRUE(owns(other, "yard"));
  QuestionIntake ours(publisher_, narrator_.handler());
  for (int i = 0; i < 3; ++i) ask(("y" + std::to_string(i)).c_str(), "yard");
  ASSERT_TRUE(eventually([&] { return ours.stats().handed_over == 3; }));
  Narrator elsewhere;
  QuestionIntake theirs(other, elsewhere.handler());
  ASSERT_TRUE(eventually([&] { return elsewhere.asked() == 3; }));
  for (int i = 0; i < 3; ++i) elsewhere.answer(i, AnswerState::kFinal, "theirs");
  ASSERT_TRUE(eventually([&] { return pending() == "0"; }));
  EXPECT_EQ(narrator_.asked(), 0U);
}

TEST_F(QuestionsTest, AFloodOfGarbageIsAnsweredAndABoundedNumberHeld) {
  QuestionIntake intake(publisher_, narrator_.handler());
  constexpr int kFlood = 10'000;
  std::string script =
      "for i = 1, 10000 do redis.call('XADD', KEYS[1], '*', 'id', 'g' .. i, 'text', string.rep(string.char(i "
      "% 256), i % 50)) end";
  client_.run({"EVAL", script, "1", "vedette:questions"});
  ask("good");
  ASSERT_TRUE(eventually([&] { return narrator_.asked() == 1; }));
  narrator_.answer(0, AnswerState::kFinal, "still here");
  ASSERT_TRUE(eventually([&] { return pending() == "0" && !answers("good").empty(); }));
  EXPECT_EQ(intake.stats().refused, static_cast<std::uint64_t>(kFlood));
  EXPECT_EQ(client_.run({"XLEN", "vedette:answers"}), std::to_string(kFlood + 1));
}

TEST_F(QuestionsTest, NoAnswerInTimeIsAnError) {
  QuestionOptions options;
  options.answer_within = std::chrono::milliseconds(10);
  QuestionIntake intake(publisher_, narrator_.handler(), options);
  ask("slow");
  EXPECT_EQ(reason("slow"), "no answer in time");
  EXPECT_FALSE(narrator_.answer(0, AnswerState::kFinal, "too late"));
  EXPECT_EQ(intake.stats().timed_out, 1U);
}

TEST_F(QuestionsTest, AKeyOfAnotherTypeIsAStateAndHeals) {
  client_.run({"SET", "vedette:questions", "text"});
  QuestionIntake intake(publisher_, narrator_.handler());
  ASSERT_TRUE(eventually([&] { return intake.stats().problem.find("wrong_type") == 0; }));
  client_.run({"DEL", "vedette:questions"});
  ASSERT_TRUE(eventually([&] { return intake.stats().problem.empty(); }));
  ask("q1");
  EXPECT_TRUE(eventually([&] { return narrator_.asked() == 1; }));
  client_.run({"DEL", "vedette:questions"});  // and the group with it
  ask("q2");
  EXPECT_TRUE(eventually([&] { return narrator_.asked() == 2; }));
}

TEST_F(QuestionsTest, AnAnswerThatRedisNeverTakesIsCountedAndForgotten) {
  client_.run({"SET", "vedette:answers", "text"});
  QuestionIntake intake(publisher_, narrator_.handler());
  ask("q1");
  ASSERT_TRUE(eventually([&] { return narrator_.asked() == 1; }));
  narrator_.answer(0, AnswerState::kFinal, "unheard");
  ASSERT_TRUE(eventually([&] { return pending() == "0"; }));
  EXPECT_EQ(intake.stats().unanswerable, 1U);
}

TEST_F(QuestionsTest, OpenOnesAreLeftToTheNextStart) {
  {
    QuestionIntake intake(publisher_, narrator_.handler());
    ask("q1");
    ASSERT_TRUE(eventually([&] { return narrator_.asked() == 1; }));
  }
  EXPECT_FALSE(narrator_.answer(0, AnswerState::kFinal, "after the end"));
  EXPECT_EQ(pending(), "1");
  QuestionIntake again(publisher_, narrator_.handler());
  EXPECT_TRUE(eventually([&] { return narrator_.asked() == 2; }));
}

TEST_F(QuestionsTest, AreTrimmed) {
  for (int i = 0; i < 500; ++i)
    client_.run({"XADD", "vedette:questions", std::to_string(i + 1) + "-1", "id", "old"});
  QuestionIntake intake(publisher_, narrator_.handler());
  EXPECT_TRUE(eventually([&] { return std::stoi(client_.run({"XLEN", "vedette:questions"})) <= 100; }));
}

}  // namespace
}  // namespace vedette::sinks::redis
