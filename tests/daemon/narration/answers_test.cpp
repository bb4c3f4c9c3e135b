#include "daemon/narration/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/narration/repetition.h"
#include "tests/daemon/narration/support.h"
#include "tests/models/text/tiny_tokenizer.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/fake_engine.h"
#include "tests/support/recording_publisher.h"

namespace vedette::daemon::narration {
namespace {

using models::runtime::FinishReason;
using models::runtime::TextResult;
using sinks::Answer;
using sinks::AnswerState;
using testing::HasSubstr;

constexpr const char* kTemplate =
    "{%- for message in messages -%}\n{{- \"<|im_start|>\" + message[\"role\"] + \"\\n\" + "
    "message[\"content\"] + \"<|im_end|>\" + "
    "\"\\n\" -}}\n{%- endfor -%}\n{%- if add_generation_prompt -%}\n{{- '<|im_start|>assistant\\n' -}}\n{%- "
    "endif -%}";

class AnswersTest : public ::testing::Test {
 protected:
  AnswersTest() { options_.think_model = "small"; }

  void heard(std::int64_t start_ms, std::int64_t end_ms, const std::string& text, const std::string& id) {
    Fact fact;
    fact.t_start_ms = start_ms;
    fact.t_end_ms = end_ms;
    fact.label = "heard";
    fact.text = text;
    fact.record_id = id;
    timeline_.add(std::move(fact));
  }
  void ask(const std::string& text, std::optional<std::int64_t> from = {},
           std::optional<std::int64_t> to = {}) {
    sinks::Question question;
    question.text = text;
    question.from_ms = from;
    question.to_ms = to;
    answers().ask(question, timeline_, 600'000, [this](Answer answer) {
      given_.push_back(std::move(answer));
      return wanted_;
    });
  }
  Answers& answers() {
    if (!answers_) answers_ = std::make_unique<Answers>(engine_, tokenizer_, chat_, 8192, options_);
    return *answers_;
  }
  static void finish(tests::FakeEngine::Text& text, const std::string& words,
                     FinishReason reason = FinishReason::kStop) {
    TextResult result;
    result.reason = reason;
    result.text = words;
    if (reason == FinishReason::kError) result.error = std::make_exception_ptr(std::runtime_error("broken"));
    text.callbacks.on_finished(std::move(result));
  }

  AnswerOptions options_;
  tests::FakeEngine engine_;
  models::text::Tokenizer tokenizer_ = models::text::tiny_tokenizer();
  models::text::ChatTemplate chat_ = models::text::ChatTemplate::parse(kTemplate, "test");
  Timeline timeline_;
  std::vector<Answer> given_;
  bool wanted_ = true;
  std::unique_ptr<Answers> answers_;
};

TEST_F(AnswersTest, StreamsAndEndsWithSpanAndEvidence) {
  options_.partial_every = milliseconds(0);
  heard(310'000, 312'000, "abc.", "gate-1-1");
  heard(10'000, 12'000, "long ago.", "gate-1-0");
  ask("abc?");
  auto text = engine_.take_text();
  EXPECT_EQ(text.request.priority, models::runtime::Priority::kQuestion);
  EXPECT_FALSE(text.request.prompt.empty());
  text.callbacks.on_text(" a");
  text.callbacks.on_text("bc");
  finish(text, " abc ");
  ASSERT_EQ(given_.size(), 3u);
  EXPECT_EQ(given_[0].state, AnswerState::kPartial);
  EXPECT_EQ(given_[0].text, "a");
  EXPECT_EQ(given_[1].text, "abc");
  EXPECT_EQ(given_[2].state, AnswerState::kFinal);
  EXPECT_EQ(given_[2].text, "abc");
  EXPECT_EQ(given_[2].from_ms, 300'000);  // the last five minutes
  EXPECT_EQ(given_[2].to_ms, 600'000);
  EXPECT_EQ(given_[2].evidence, std::vector<std::string>{"gate-1-1"});
  EXPECT_EQ(given_[2].model, "small");
  EXPECT_EQ(answers().stats().answered, 1u);
}

TEST_F(AnswersTest, NothingHeardIsSaidWithoutTheModel) {
  heard(10'000, 12'000, "long ago.", "gate-1-0");
  Fact silent;
  silent.kind = FactKind::kCondition;
  silent.t_start_ms = silent.t_end_ms = 400'000;
  silent.open = true;
  silent.label = "sound_silent";
  silent.record_id = "gate-1-1";
  timeline_.add(std::move(silent));
  ask("abc?");
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  ASSERT_EQ(given_.size(), 1u);
  EXPECT_EQ(given_[0].state, AnswerState::kFinal);
  EXPECT_THAT(given_[0].text,
              HasSubstr("Nothing was heard between 1970-01-01 00:05:00 UTC and 1970-01-01 00:10:00"));
  EXPECT_THAT(given_[0].text, HasSubstr("sound_silent"));
  EXPECT_EQ(given_[0].evidence, std::vector<std::string>{"gate-1-1"});
  EXPECT_EQ(given_[0].model, "");
  EXPECT_EQ(answers().stats().unheard, 1u);
}

TEST_F(AnswersTest, TheSpanMayBeGiven) {
  heard(10'000, 12'000, "abc.", "a");
  heard(20'000, 22'000, "cba.", "b");
  ask("abc?", 9'000, 15'000);
  finish(*std::make_unique<tests::FakeEngine::Text>(engine_.take_text()), "abc");
  ASSERT_EQ(given_.size(), 1u);
  EXPECT_EQ(given_[0].evidence, std::vector<std::string>{"a"});
  EXPECT_EQ(given_[0].from_ms, 9'000);
  EXPECT_EQ(given_[0].to_ms, 15'000);
}

TEST_F(AnswersTest, WhatCameFromOutsideHoldsNoSpecialTokens) {
  heard(590'000, 592'000, "<|end|> abc", "a");
  ask("<|end|> abc");
  const auto prompt = engine_.take_text().request.prompt;
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), 20), 0);
  EXPECT_GT(std::count(prompt.begin(), prompt.end(), 10), 0);  // "abc"
}

TEST_F(AnswersTest, OfSightingsAModelThatWasNotTaughtThemIsToldTheNewest) {
  for (const auto& [t_ms, what] : {std::pair{400'000, "\u00e9"}, {500'000, "\u00e9"}, {560'000, "abc"}}) {
    Fact fact;
    fact.kind = FactKind::kSeen;
    fact.t_start_ms = fact.t_end_ms = t_ms;
    fact.label = "sees";
    fact.text = what;
    timeline_.add(std::move(fact));
  }
  heard(590'000, 592'000, "abc", "a");
  ask("b?");
  const auto prompt = engine_.take_text().request.prompt;
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), 12), 0) << "\u00e9";
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), 10), 2) << "abc";
}

TEST_F(AnswersTest, WorkThatNobodyWaitsForIsCancelled) {
  options_.partial_every = milliseconds(0);
  heard(590'000, 592'000, "abc", "a");
  wanted_ = false;
  ask("abc?");
  auto text = engine_.take_text();
  text.callbacks.on_text("a");
  EXPECT_TRUE(text.handle->cancelled);
  finish(text, "a", FinishReason::kCancelled);
  EXPECT_EQ(answers().stats().cancelled, 1u);
  EXPECT_EQ(given_.back().state, AnswerState::kError);
}

TEST_F(AnswersTest, AModelThatRepeatsItselfIsStopped) {
  heard(590'000, 592'000, "abc", "a");
  ask("abc?");
  auto text = engine_.take_text();
  text.callbacks.on_text("The gate is open. ");
  text.callbacks.on_text("The gate is");
  EXPECT_FALSE(text.handle->cancelled);
  text.callbacks.on_text(" open. ");
  EXPECT_TRUE(text.handle->cancelled);
  finish(text, "The gate is open. The gate is open. The", FinishReason::kCancelled);
  EXPECT_EQ(given_.back().state, AnswerState::kFinal);
  EXPECT_EQ(given_.back().text, "The gate is open.");
}

TEST_F(AnswersTest, ShortWordsMayBeRepeated) {
  EXPECT_EQ(without_repetition("No. No. I said: the gate."), "No. No. I said: the gate.");
  EXPECT_EQ(without_repetition("He said so.\nHe said so!\nHe"), "He said so.\n");
  EXPECT_EQ(without_repetition("He said so. He said"), "He said so. He said");
}

// A question about the picture, to a model that was taught to read it.
class AnswersOfSightTest : public AnswersTest {
 protected:
  explicit AnswersOfSightTest(bool narrates = true) {
    layout_.system = "You see.";
    layout_.narrates = narrates;
    layout_.answers = !narrates;
    writer_ = std::make_unique<PromptWriter>(bytes_, chatml_, layout_);
    options_.writer = writer_.get();
    SightOptions sight;
    sight.captions = false;
    sight.writer = writer_.get();
    sight_ = StreamSight::create("gate", engine_, publisher_, book_, sight);
    base::ClockMap clock;
    sight_->on_clock(clock);
    answers_ = std::make_unique<Answers>(engine_, bytes_, chatml_, 8192, options_);
  }
  void see(int t_s, std::vector<models::runtime::Sighting> sightings) {
    streams::SeenFrame frame;
    frame.time = {0, seconds(t_s)};
    frame.tokens = models::tensor::Tensor::zeros(models::tensor::DType::kF32, {2, 4});
    frame.sightings = std::move(sightings);
    sight_->on_seen(std::move(frame));
  }
  void ask_about(std::optional<std::int64_t> from, std::optional<std::int64_t> to,
                 const std::string& text = "What is there?") {
    sinks::Question question;
    question.text = text;
    question.from_ms = from;
    question.to_ms = to;
    answers_->ask(
        question, book_->timeline, 600'000,
        [this](Answer answer) {
          given_.push_back(std::move(answer));
          return true;
        },
        sight_);
  }
  std::string asked(const tests::FakeEngine::Text& text) const {
    return tests::readable(bytes_, text.request.prompt);
  }

  models::text::Tokenizer bytes_ = tests::byte_tokenizer();
  models::text::ChatTemplate chatml_ = tests::chatml();
  models::text::PromptLayout layout_;
  std::unique_ptr<PromptWriter> writer_;
  tests::RecordingPublisher publisher_;
  std::shared_ptr<StreamBook> book_ = std::make_shared<StreamBook>("gate", 36, TimelineOptions{});
  std::shared_ptr<StreamSight> sight_;
};

TEST_F(AnswersOfSightTest, NowIsAForkOfTheSession) {
  see(590, {{"person", "left", 0.9F}});
  ask_about({}, {});
  const auto text = engine_.take_text();
  ASSERT_NE(text.request.session, nullptr);
  EXPECT_TRUE(asked(text).starts_with("[sees 0.0] person, left, 0.9\n\nWhat is there?")) << asked(text);
}

TEST_F(AnswersOfSightTest, TheLastMinutesAreAPromptOfTheirOwn) {
  see(500, {{"person", "left", 0.9F}});
  see(510, {{"vehicle", "left", 0.9F}});
  see(520, {{"nothing", "", 0.9F}});
  Fact caption;
  caption.kind = FactKind::kCaption;
  caption.t_start_ms = caption.t_end_ms = 505'000;
  caption.frame = "/e/1.jpg";
  book_->timeline.add(caption);
  ask_about(495'000, 515'000);
  const auto text = engine_.take_text();
  EXPECT_EQ(text.request.session, nullptr);
  EXPECT_EQ(
      asked(text),
      "<|im_start|>system\nYou see.<|im_end|>\n<|im_start|>user\n[t=5.0]##\n[sees 5.0] person, left, 0.9\n"
      "[t=15.0]##\n[sees 15.0] vehicle, left, 0.9\n\nWhat is there?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text.request.embeddings.shape(), (models::tensor::Shape{4, 4}));
  models::runtime::TextResult result;
  result.text = "A person.";
  text.callbacks.on_finished(std::move(result));
  EXPECT_EQ(given_.back().frames, std::vector<std::string>{"/e/1.jpg"});
}

TEST_F(AnswersOfSightTest, NothingSeenIsSaidWithoutTheModel) {
  streams::SeenFrame frame;  // held back by the gate
  frame.time = {0, seconds(590)};
  frame.change = 0.0F;
  sight_->on_seen(std::move(frame));
  ask_about(580'000, 600'000);
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  ASSERT_EQ(given_.size(), 1u);
  EXPECT_THAT(given_[0].text, HasSubstr("Nothing was heard or seen between"));
}

// To one that was taught to read facts alone.
class AnswersFromFactsTest : public AnswersOfSightTest {
 protected:
  AnswersFromFactsTest() : AnswersOfSightTest(false) {}
};

TEST_F(AnswersFromFactsTest, AreAskedForInTheLayoutWithoutPictures) {
  see(500, {{"person", "left", 0.9F}});
  see(510, {{"vehicle", "left", 0.9F}});
  ask_about(495'000, 515'000, "Who was first?");
  const auto text = engine_.take_text();
  EXPECT_EQ(text.request.session, nullptr);
  EXPECT_EQ(asked(text),
            "<|im_start|>system\nYou see.<|im_end|>\n<|im_start|>user\n[sees 15.0] vehicle, left, 0.9\n"
            "\nWho was first?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_TRUE(text.request.embeddings.empty());
}

TEST_F(AnswersFromFactsTest, ArePlainWhereTheFactsAre) {
  see(510, {{"vehicle", "left", 0.9F}});
  ask_about(495'000, 515'000);
  EXPECT_EQ(engine_.texts_waiting(), 0u);
  ASSERT_EQ(given_.size(), 1u);
  EXPECT_EQ(given_[0].text, "A vehicle on the left.");
}

TEST_F(AnswersTest, AModelThatReadsNoPicturesIsToldInWords) {
  Fact moved;
  moved.kind = FactKind::kMoved;
  moved.t_start_ms = moved.t_end_ms = 590'000;
  moved.label = "moves";
  moved.text = "one thing";
  timeline_.add(moved);
  ask("b?");
  EXPECT_EQ(engine_.texts_waiting(), 1u);
  EXPECT_NE(question_prompt("", "b?", false)[0].content, question_prompt("", "b?", true)[0].content);
}

TEST_F(AnswersTest, FailuresAreErrorAnswers) {
  heard(590'000, 592'000, "abc", "a");
  ask("abc?");
  auto first = engine_.take_text();
  finish(first, "", FinishReason::kError);
  EXPECT_EQ(given_.back().state, AnswerState::kError);
  EXPECT_EQ(given_.back().reason, "the model failed: broken");
  ask("abc?");
  auto second = engine_.take_text();
  finish(second, "", FinishReason::kShed);
  EXPECT_THAT(given_.back().reason, HasSubstr("busy"));
  ask(std::string(100'000, 'a') + "b");
  EXPECT_THAT(given_.back().reason, HasSubstr("too long for the model"));
  EXPECT_EQ(answers().stats().failed, 3u);
}

TEST_F(AnswersTest, OnlySoManyRunAtOnce) {
  options_.most_running = 2;
  heard(590'000, 592'000, "abc", "a");
  for (int i = 0; i < 3; ++i) ask("abc?");
  EXPECT_EQ(engine_.texts_waiting(), 2u);
  ASSERT_EQ(given_.size(), 1u);
  EXPECT_THAT(given_[0].reason, HasSubstr("busy"));
  auto first = engine_.take_text();
  finish(first, "abc");
  ask("abc?");
  EXPECT_EQ(engine_.texts_waiting(), 2u);
}

TEST_F(AnswersTest, TheEndCancelsWhatRuns) {
  heard(590'000, 592'000, "abc", "a");
  ask("abc?");
  auto text = engine_.take_text();
  answers_.reset();
  EXPECT_TRUE(text.handle->cancelled);
  finish(text, "a", FinishReason::kCancelled);  // after the end: harmless
  EXPECT_EQ(given_.size(), 1u);
}

}  // namespace
}  // namespace vedette::daemon::narration
