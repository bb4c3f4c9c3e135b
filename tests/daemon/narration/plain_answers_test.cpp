#include "daemon/narration/plain_answers.h"

#include <gtest/gtest.h>

namespace vedette::daemon::narration {
namespace {

Fact fact(FactKind kind, const std::string& label, const std::string& text = "") {
  Fact fact;
  fact.kind = kind;
  fact.label = label;
  fact.text = text;
  return fact;
}

Fact until(std::int64_t t_end_ms, Fact fact) {
  fact.t_end_ms = t_end_ms;
  return fact;
}

std::string told(const std::string& question, const std::vector<Fact>& facts) {
  return plain_answer(question, facts).value_or("(the model)");
}

const std::vector<Fact> kYard{
    fact(FactKind::kSeen, "sees", "animal, middle, 0.9"),
    fact(FactKind::kMoved, "camera", "the camera shakes"),
    fact(FactKind::kMoved, "moves", "one thing, left to right"), fact(FactKind::kSounded, "sound", "dog"),
    fact(FactKind::kSeen, "sees", "red vehicle, left, 0.9; person, middle, 0.8; something, right, 0.5")};
const std::vector<Fact> kEmpty{fact(FactKind::kSeen, "sees", "nothing, 0.9")};

TEST(PlainAnswers, TellWhatTheNewestPictureShows) {
  EXPECT_EQ(told("Is there a person?", kYard), "Yes.");
  EXPECT_EQ(told("Do you see any vehicles", kYard), "Yes.");
  EXPECT_EQ(told("Is it true that an animal is visible? Answer yes or no.", kYard), "No.");
  EXPECT_EQ(told("Is somebody there?", kYard), "Yes.");
  EXPECT_EQ(told("How many people are there?", kYard), "One.");
  EXPECT_EQ(told("How many things do you see?", kYard), "Three.");
  EXPECT_EQ(told("How many things are visible?", kEmpty), "None.");
  EXPECT_EQ(told("Where is the vehicle?", kYard), "On the left.");
  EXPECT_EQ(told("On which side is the person?", kYard), "In the middle.");
  EXPECT_EQ(told("Where is the animal?", kYard), "Something is on the right.");
  EXPECT_EQ(told("Where is the animal?", kEmpty), "There is no animal.");
  EXPECT_EQ(told("Where is the animal?", {fact(FactKind::kSeen, "sees", "red vehicle, left, 0.9")}),
            "I see no animal. A red vehicle on the left.");
  EXPECT_EQ(told("What colour is the vehicle?", kYard), "Red.");
  EXPECT_EQ(told("Which color has the person?", kYard), "I cannot tell.");
  EXPECT_EQ(told("What is there?", kYard),
            "A red vehicle on the left, a person in the middle and something on the right.");
  EXPECT_EQ(told("What do you see?", kEmpty), "Nothing.");
}

TEST(PlainAnswers, WhatMovesIsThere) {
  const Fact moves =
      until(5'000, fact(FactKind::kMoved, "moves", "one thing, left to right; one thing, middle, nearer"));
  Fact seen = until(5'500, kEmpty.front());
  EXPECT_EQ(told("How many things are there?", {seen, moves}), "Two.");
  EXPECT_EQ(told("How many people are there?", {seen, moves}), "None.");
  EXPECT_EQ(told("Is anything visible?", {seen, moves}), "Yes.");
  EXPECT_EQ(told("What do you see?", {seen, moves}), "Two unknown things.");
  EXPECT_EQ(told("Where is the person?", {seen, moves}),
            "Something moves: one thing, left to right; one thing, middle, nearer.");
  seen.text = "person, left, 0.9";
  EXPECT_EQ(told("How many things are there?", {seen, moves}), "One.");
}

TEST(PlainAnswers, WhatMovedBeforeOrLeftIsNotThere) {
  Fact moves = until(3'000, fact(FactKind::kMoved, "moves", "one thing, left to right"));
  const Fact seen = until(5'500, kEmpty.front());
  EXPECT_EQ(told("How many things are there?", {seen, moves}), "None.");
  moves.open = true;
  EXPECT_EQ(told("How many things are there?", {seen, moves}), "One.");
  moves.text += ", enters and leaves";
  EXPECT_EQ(told("How many things are there?", {seen, moves}), "None.");
}

TEST(PlainAnswers, TellWhatIsLikely) {
  const std::vector<Fact> facts{
      fact(FactKind::kSeen, "sees", "something, left, 0.9; perhaps animal"),
      fact(FactKind::kSeen, "sees", "person, middle, 0.8; something, left, 0.4; perhaps vehicle")};
  EXPECT_EQ(told("Is there a vehicle?", facts), "Probably, yes.");
  EXPECT_EQ(told("Is there a person?", facts), "Yes.");
  EXPECT_EQ(told("Is there an animal?", facts), "No.");
  EXPECT_EQ(told("How many vehicles are there?", facts), "I cannot tell.");
  EXPECT_EQ(told("How many things are there?", facts), "Two.");
  EXPECT_EQ(told("Where is the vehicle?", facts), "Something is on the left.");
  EXPECT_EQ(told("What is there?", facts), "A person in the middle and something on the left.");
}

TEST(PlainAnswers, TellWhatWasMeasured) {
  EXPECT_EQ(told("What moved?", kYard), "One thing, left to right.");
  EXPECT_EQ(told("Did anything move?", kYard), "Yes: one thing, left to right.");
  EXPECT_EQ(told("Did anything move?", kEmpty), "No. Nothing moved.");
  EXPECT_EQ(told("Which sounds were there?", kYard), "Dog.");
  EXPECT_EQ(told("What was said?", kYard), "Nothing was heard.");
  EXPECT_EQ(told("Is it true that somebody speaks?", kYard), "No.");
  EXPECT_EQ(told("How is the picture?", kYard), "The picture is all right.");
  EXPECT_EQ(told("Is anything wrong with the picture?", kYard), "No. The picture is all right.");
  std::vector<Fact> facts = kYard;
  facts.push_back(fact(FactKind::kCondition, "picture_blurred"));
  facts.push_back(fact(FactKind::kHeard, "heard", "hello there"));
  EXPECT_EQ(told("How is the picture?", facts), "The picture is blurred.");
  EXPECT_EQ(told("Is the picture all right?", facts), "No. The picture is blurred.");
  EXPECT_EQ(told("Did anybody speak?", facts), "Yes.");
  EXPECT_EQ(told("What was said?", facts), "\"hello there\"");
  facts = {fact(FactKind::kCondition, "picture_black"), fact(FactKind::kCondition, "sound_silent")};
  EXPECT_EQ(told("Is there a person?", facts), "I cannot tell. The picture is black.");
  EXPECT_EQ(told("How many people are there?", facts), "I cannot tell. The picture is black.");
  EXPECT_EQ(told("What is there?", facts), "The picture is black.");
  EXPECT_EQ(told("Which sounds were there?", facts), "None: there is silence.");
}

TEST(PlainAnswers, LeaveTheRestToTheModel) {
  EXPECT_EQ(told("Is there a person near the gate who waits?", kYard), "(the model)");
  EXPECT_EQ(told("Is there a car?", kYard), "(the model)");
  EXPECT_EQ(told("Did anybody say \"help\"?", kYard), "(the model)");
  EXPECT_EQ(told("Why?", kYard), "(the model)");
  EXPECT_EQ(told("", kYard), "(the model)");
  EXPECT_EQ(told(std::string(5000, 'a'), kYard), "(the model)");
  // Nobody looked for things.
  EXPECT_EQ(told("Is there a person?", {fact(FactKind::kMoved, "moves", "one thing")}), "(the model)");
}

}  // namespace
}  // namespace vedette::daemon::narration
