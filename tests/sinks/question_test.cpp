#include "sinks/question.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

namespace vedette::sinks {
namespace {

TEST(AnswerFields, CarrySpanAndEvidenceInTheJson) {
  Answer answer;
  answer.id = "q1";
  answer.stream = "gate";
  answer.state = AnswerState::kFinal;
  answer.seq = 3;
  answer.text = "Yes.";
  answer.from_ms = 10;
  answer.to_ms = 20;
  answer.evidence = {"gate-1-1"};
  const Fields fields = to_fields(answer, 99);
  const std::map<std::string, std::string> flat(fields.begin(), fields.end());
  EXPECT_EQ(flat.at("id"), "q1");
  EXPECT_EQ(flat.at("state"), "final");
  EXPECT_EQ(flat.at("seq"), "3");
  EXPECT_EQ(flat.at("text"), "Yes.");
  EXPECT_EQ(flat.count("reason"), 0U);
  const auto json = nlohmann::json::parse(flat.at("json"));
  EXPECT_EQ(json["from_ms"], 10);
  EXPECT_EQ(json["to_ms"], 20);
  EXPECT_EQ(json["evidence"], nlohmann::json({"gate-1-1"}));
  EXPECT_EQ(json["published_ms"], 99);
}

TEST(AnswerFields, SayWhyInAnError) {
  Answer answer;
  answer.state = AnswerState::kError;
  answer.reason = "unknown stream";
  const Fields fields = to_fields(answer, 0);
  const std::map<std::string, std::string> flat(fields.begin(), fields.end());
  EXPECT_EQ(flat.at("state"), "error");
  EXPECT_EQ(flat.at("reason"), "unknown stream");
  EXPECT_EQ(nlohmann::json::parse(flat.at("json"))["reason"], "unknown stream");
}

}  // namespace
}  // namespace vedette::sinks
