#include "daemon/http/question_desk.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace vedette::daemon::http {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

struct QuestionDeskTest : ::testing::Test {
  EventLog events;
  QuestionDesk::Clock::time_point now{};
  std::vector<sinks::Question> asked;
  std::vector<sinks::AnswerCallback> callbacks;
  std::optional<QuestionDesk> desk;
  bool resumed = false;
  std::unique_ptr<EventLog::Listener> listener = events.listen("", resumed);

  void SetUp() override {
    desk.emplace(
        events,
        [this](sinks::Question question, sinks::AnswerCallback callback) {
          asked.push_back(std::move(question));
          callbacks.push_back(std::move(callback));
        },
        DeskLimits{.open = 3, .open_per_client = 2, .kept = 4}, [this] { return now; });
  }
  QuestionDesk::Reply ask(const json& body, const std::string& client = "127.0.0.1") {
    return desk->ask(body.dump(), client);
  }
  static sinks::Answer step(sinks::AnswerState state, const std::string& text) {
    sinks::Answer answer;
    answer.state = state;
    answer.text = text;
    return answer;
  }
};

TEST_F(QuestionDeskTest, AnAnswerIsToldAsItComesAndCanBeRead) {
  const auto reply = ask({{"stream", "gate"}, {"text", "What?"}, {"from_ms", 5}, {"to_ms", 9}});
  EXPECT_EQ(reply.status, 202);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].stream, "gate");
  EXPECT_EQ(asked[0].text, "What?");
  EXPECT_EQ(asked[0].from_ms, 5);
  EXPECT_EQ(asked[0].to_ms, 9);
  EXPECT_EQ(json::parse(desk->answer(reply.id))["state"], "partial");
  EXPECT_TRUE(callbacks[0](step(sinks::AnswerState::kPartial, "The")));
  EXPECT_TRUE(callbacks[0](step(sinks::AnswerState::kFinal, "The door.")));
  EXPECT_FALSE(callbacks[0](step(sinks::AnswerState::kFinal, "Again")));
  std::string text;
  listener->next(0ms, text);
  EXPECT_THAT(text, HasSubstr("event: answer\ndata: {"));
  EXPECT_THAT(text, HasSubstr("\"text\":\"The\""));
  EXPECT_THAT(text, HasSubstr("\"text\":\"The door.\""));
  const json last = json::parse(desk->answer(reply.id));
  EXPECT_EQ(last["state"], "final");
  EXPECT_EQ(last["seq"], 1);
  EXPECT_EQ(last["stream"], "gate");
  EXPECT_EQ(desk->answer("q-0000000000000000"), "");
}

TEST_F(QuestionDeskTest, RefusesWhatIsNoQuestion) {
  const auto error = [&](const std::string& body) {
    const auto reply = desk->ask(body, "c");
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.id.empty(), true) << body;
    return reply.error;
  };
  EXPECT_THAT(error(""), HasSubstr("expected a JSON object"));
  EXPECT_THAT(error("[]"), HasSubstr("expected a JSON object"));
  EXPECT_THAT(error("{\"stream\":\"gate\"}"), HasSubstr("text is empty"));
  EXPECT_THAT(error("{\"stream\":\"gate\",\"text\":\" \"}"), HasSubstr("text is empty"));
  EXPECT_THAT(error("{\"text\":\"x\"}"), HasSubstr("there is no field stream"));
  EXPECT_THAT(error("{\"stream\":\"../x\",\"text\":\"x\"}"), HasSubstr("stream must be an id"));
  EXPECT_THAT(error("{\"stream\":\"gate\",\"text\":5}"), HasSubstr("text must be a string"));
  EXPECT_THAT(error("{\"stream\":\"gate\",\"text\":\"x\",\"from_ms\":-1}"),
              HasSubstr("from_ms must be milliseconds"));
  EXPECT_THAT(error("{\"stream\":\"gate\",\"text\":\"x\",\"from_ms\":9,\"to_ms\":5}"),
              HasSubstr("later than to_ms"));
  EXPECT_THAT(error("{\"stream\":\"gate\",\"text\":\"x\",\"id\":\"mine\"}"), HasSubstr("unknown member id"));
  EXPECT_THAT(error(json{{"stream", "gate"}, {"text", std::string(2049, 'x')}}.dump()),
              HasSubstr("longer than 2048 bytes"));
  EXPECT_TRUE(asked.empty());
}

TEST_F(QuestionDeskTest, BoundsWhatIsOpenInAllAndOfAClient) {
  const json question{{"stream", "gate"}, {"text", "What?"}};
  ask(question);
  ask(question);
  const auto third = ask(question);
  EXPECT_EQ(third.status, 429);
  EXPECT_THAT(third.error, HasSubstr("of this client"));
  EXPECT_EQ(ask(question, "::1").status, 202);
  const auto fifth = ask(question, "10.0.0.1");
  EXPECT_EQ(fifth.status, 429);
  EXPECT_THAT(fifth.error, HasSubstr("busy"));
  callbacks[0](step(sinks::AnswerState::kError, ""));
  EXPECT_EQ(ask(question).status, 202);
}

TEST_F(QuestionDeskTest, ForgetsOldAnswers) {
  const auto first = ask({{"stream", "gate"}, {"text", "0"}});
  callbacks[0](step(sinks::AnswerState::kFinal, "0"));
  for (std::size_t i = 1; i <= 4; ++i) {
    ask({{"stream", "gate"}, {"text", "x"}});
    callbacks[i](step(sinks::AnswerState::kFinal, "x"));
  }
  EXPECT_EQ(desk->answer(first.id), "");
}

TEST_F(QuestionDeskTest, AQuestionThatTakesTooLongIsAnsweredWithAnError) {
  const auto reply = ask({{"stream", "gate"}, {"text", "What?"}});
  now += 119s;
  EXPECT_EQ(json::parse(desk->answer(reply.id))["state"], "partial");
  now += 2s;
  const json late = json::parse(desk->answer(reply.id));
  EXPECT_EQ(late["state"], "error");
  EXPECT_EQ(late["reason"], "no answer in time");
  EXPECT_FALSE(callbacks[0](step(sinks::AnswerState::kPartial, "late"))) << "work on it may end";
}

TEST_F(QuestionDeskTest, ACallbackMayOutliveTheDesk) {
  ask({{"stream", "gate"}, {"text", "What?"}});
  desk.reset();
  EXPECT_FALSE(callbacks[0](step(sinks::AnswerState::kFinal, "late")));
}

}  // namespace
}  // namespace vedette::daemon::http
