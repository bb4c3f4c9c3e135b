#include "models/runtime/step_engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>

namespace vedette::models::runtime {
namespace {

using namespace std::chrono_literals;

// Steps come one at a time when the test lets them.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return open_ || permits_ > 0; });
    if (!open_) --permits_;
  }
  void permit(int count) {
    {
      const std::lock_guard lock(mutex_);
      permits_ += count;
    }
    wake_.notify_all();
  }
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    wake_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  int permits_ = 0;
  bool open_ = false;
};

// A job ends after as many steps as its prompt or its audio has seconds; every step is written down.
class FakeText : public Lane<TextJob> {
 public:
  explicit FakeText(std::string& log, std::size_t slots = 4) : log_(log), slots_(slots) {}
  std::size_t slots() const override { return slots_; }
  bool admit(TextJob& job) override {
    if (job.request.prompt.empty()) throw std::invalid_argument("the prompt is empty");
    if (!room) return false;
    ++admitted;
    job.result.prompt_tokens = static_cast<int>(job.request.prompt.size());
    return true;
  }
  void step(std::span<TextJob* const> jobs) override {
    gate.pass();
    if (broken) throw std::runtime_error("broken");
    log_ += "T" + std::to_string(jobs.size());
    for (TextJob* job : jobs) {
      ++job->result.generated_tokens;
      job->result.text += "x";
      if (job->callbacks.on_text) job->callbacks.on_text("x");
      job->done = job->result.generated_tokens >= job->request.max_new_tokens;
      if (job->done) job->result.reason = FinishReason::kLength;
    }
  }
  void release(TextJob&) override { ++released; }

  Gate gate;
  std::atomic<bool> room{true}, broken{false};
  std::atomic<int> admitted{0}, released{0};

 private:
  std::string& log_;
  const std::size_t slots_;
};

class FakeSpeech : public Lane<SpeechJob> {
 public:
  explicit FakeSpeech(std::string& log) : log_(log) {}
  std::size_t slots() const override { return 4; }
  bool admit(SpeechJob&) override { return true; }
  void step(std::span<SpeechJob* const> jobs) override {
    log_ += "S" + std::to_string(jobs.size());
    for (SpeechJob* job : jobs) {
      job->result.transcript.tokens.push_back(1);
      job->done = job->result.transcript.tokens.size() >= 3;
    }
  }
  void release(SpeechJob&) override {}

 private:
  std::string& log_;
};

struct Outcome {
  std::promise<TextResult> promise;
  std::future<TextResult> future = promise.get_future();
  TextCallbacks callbacks() {
    return {.on_text = nullptr,
            .on_finished = [this](TextResult result) { promise.set_value(std::move(result)); }};
  }
};

TextRequest request(int tokens, Priority priority = Priority::kQuestion) {
  TextRequest result;
  result.prompt = {1, 2, 3};
  result.max_new_tokens = tokens;
  result.priority = priority;
  return result;
}

StepEngineOptions strict() {
  StepEngineOptions options;
  options.longest_pause = 1h;
  return options;
}

class StepEngineTest : public ::testing::Test {
 protected:
  std::string log_;
  FakeText text_{log_};
  FakeSpeech speech_{log_};
};

TEST_F(StepEngineTest, RunsARequestToItsEnd) {
  text_.gate.open();
  StepEngine engine(&text_, &speech_);
  std::string streamed;
  Outcome outcome;
  TextCallbacks callbacks = outcome.callbacks();
  callbacks.on_text = [&](std::string_view piece) { streamed += piece; };
  engine.submit(request(5), std::move(callbacks));
  const TextResult result = outcome.future.get();
  EXPECT_EQ(result.reason, FinishReason::kLength);
  EXPECT_EQ(result.text, "xxxxx");
  EXPECT_EQ(streamed, "xxxxx");
  const EngineStatistics statistics = engine.statistics();
  EXPECT_EQ(statistics.generated_tokens, 5u);
  EXPECT_EQ(statistics.prompt_tokens, 3u);
  EXPECT_EQ(statistics.time_to_first_token.count, 1u);
  EXPECT_EQ(statistics.inter_token_time.count, 4u);
  EXPECT_EQ(statistics.text.finished[static_cast<std::size_t>(FinishReason::kLength)], 1u);
  EXPECT_EQ(statistics.text.running, 0u);
  EXPECT_EQ(text_.released, 1);
}

TEST_F(StepEngineTest, RequestsThatComeLaterJoinTheRunningOnes) {
  StepEngine engine(&text_, &speech_);
  Outcome first;
  Outcome second;
  engine.submit(request(3), first.callbacks());
  text_.gate.permit(1);
  while (engine.statistics().text.steps < 1) std::this_thread::yield();
  engine.submit(request(2), second.callbacks());  // the engine stands before the second step, or in it
  text_.gate.open();
  first.future.get();
  second.future.get();
  EXPECT_TRUE(log_ == "T1T2T2" || log_ == "T1T1T2T1") << log_;
}

TEST_F(StepEngineTest, TheHigherPriorityGoesFirst) {
  StepEngine engine(&text_, &speech_, strict());
  Outcome question;
  std::promise<void> heard;
  engine.submit(request(4), question.callbacks());
  text_.gate.permit(1);
  while (engine.statistics().text.steps < 1) std::this_thread::yield();
  engine.submit(SpeechRequest{}, [&](SpeechResult) { heard.set_value(); });
  text_.gate.open();
  question.future.get();
  heard.get_future().get();
  EXPECT_EQ(log_, "T1T1T1T1S1S1S1");
}

TEST_F(StepEngineTest, ALowerPriorityWaits) {
  StepEngine engine(&text_, &speech_, strict());
  Outcome caption;
  std::promise<void> heard;
  engine.submit(request(4, Priority::kCaption), caption.callbacks());
  text_.gate.permit(1);
  while (engine.statistics().text.steps < 1) std::this_thread::yield();
  engine.submit(SpeechRequest{}, [&](SpeechResult) { heard.set_value(); });
  text_.gate.open();
  caption.future.get();
  heard.get_future().get();
  EXPECT_TRUE(log_ == "T1S1S1S1T1T1T1" || log_ == "T1T1S1S1S1T1T1") << log_;
}

TEST_F(StepEngineTest, NoKindStarves) {
  StepEngineOptions options;
  options.longest_pause = 0ms;
  StepEngine engine(&text_, &speech_, options);
  Outcome question;
  std::promise<void> heard;
  engine.submit(request(9), question.callbacks());
  text_.gate.permit(1);
  while (engine.statistics().text.steps < 1) std::this_thread::yield();
  engine.submit(SpeechRequest{}, [&](SpeechResult) { heard.set_value(); });
  text_.gate.open();
  question.future.get();
  heard.get_future().get();
  EXPECT_LT(log_.rfind("S1"), log_.rfind("T1")) << log_;  // the transcript did not wait for the question
}

TEST_F(StepEngineTest, CancelsWhatWaitsAndWhatRuns) {
  FakeText narrow(log_, 1);
  StepEngine engine(&narrow, nullptr);
  Outcome running;
  Outcome waiting;
  const auto first = engine.submit(request(1000), running.callbacks());
  narrow.gate.permit(1);
  while (engine.statistics().text.steps < 1) std::this_thread::yield();
  const auto second = engine.submit(request(1000), waiting.callbacks());
  EXPECT_EQ(engine.statistics().text.waiting, 1u);
  second->cancel();
  first->cancel();
  narrow.gate.open();
  EXPECT_EQ(waiting.future.get().reason, FinishReason::kCancelled);
  const TextResult result = running.future.get();
  EXPECT_EQ(result.reason, FinishReason::kCancelled);
  EXPECT_GE(result.generated_tokens, 1);  // what was there is given
  EXPECT_EQ(narrow.admitted, narrow.released);
}

TEST_F(StepEngineTest, MayBeCancelledFromItsOwnCallback) {
  text_.gate.open();
  StepEngine engine(&text_, nullptr);
  Outcome outcome;
  std::promise<std::shared_ptr<RequestHandle>> handle;
  auto known = handle.get_future().share();
  TextCallbacks callbacks = outcome.callbacks();
  callbacks.on_text = [known](std::string_view) { known.get()->cancel(); };
  handle.set_value(engine.submit(request(1'000'000), std::move(callbacks)));
  EXPECT_EQ(outcome.future.get().reason, FinishReason::kCancelled);
}

TEST_F(StepEngineTest, ShedsTheLowestWhenTheLineIsFull) {
  StepEngineOptions options;
  options.most_waiting = 2;
  FakeText narrow(log_, 1);
  StepEngine engine(&narrow, nullptr, options);
  std::vector<Outcome> outcomes(5);
  engine.submit(request(2), outcomes[0].callbacks());
  narrow.gate.permit(1);
  while (engine.statistics().text.steps < 1) std::this_thread::yield();
  engine.submit(request(1, Priority::kCaption), outcomes[1].callbacks());
  engine.submit(request(1, Priority::kAlert), outcomes[2].callbacks());
  engine.submit(request(1, Priority::kQuestion), outcomes[3].callbacks());  // the caption has to go
  engine.submit(request(1, Priority::kCaption), outcomes[4].callbacks());   // and this one too
  narrow.gate.open();
  EXPECT_EQ(outcomes[1].future.get().reason, FinishReason::kShed);
  EXPECT_EQ(outcomes[4].future.get().reason, FinishReason::kShed);
  for (const int kept : {0, 2, 3}) {
    EXPECT_EQ(outcomes[static_cast<std::size_t>(kept)].future.get().reason, FinishReason::kLength) << kept;
  }
  EXPECT_EQ(engine.statistics().text.finished[static_cast<std::size_t>(FinishReason::kShed)], 2u);
}

TEST_F(StepEngineTest, WhatCanNeverRunEndsWithAnError) {
  text_.gate.open();
  StepEngine engine(&text_, nullptr);
  Outcome empty;
  TextRequest bad = request(1);
  bad.prompt.clear();
  engine.submit(std::move(bad), empty.callbacks());
  const TextResult result = empty.future.get();
  EXPECT_EQ(result.reason, FinishReason::kError);
  EXPECT_THROW(std::rethrow_exception(result.error), std::invalid_argument);

  text_.room = false;  // no room, and nothing runs that could make some
  Outcome stuck;
  engine.submit(request(1), stuck.callbacks());
  EXPECT_EQ(stuck.future.get().reason, FinishReason::kError);

  std::promise<FinishReason> deaf;
  engine.submit(SpeechRequest{}, [&](SpeechResult speech) { deaf.set_value(speech.reason); });
  EXPECT_EQ(deaf.get_future().get(), FinishReason::kError);
}

TEST_F(StepEngineTest, AFailedStepEndsItsRequestsAndNoOther) {
  text_.gate.open();
  StepEngine engine(&text_, nullptr);
  text_.broken = true;
  Outcome first;
  engine.submit(request(3), first.callbacks());
  EXPECT_EQ(first.future.get().reason, FinishReason::kError);
  text_.broken = false;
  Outcome second;
  engine.submit(request(3), second.callbacks());
  EXPECT_EQ(second.future.get().reason, FinishReason::kLength);
}

TEST_F(StepEngineTest, EndsWhatIsLeftWhenItStops) {
  std::vector<Outcome> outcomes(6);
  {
    StepEngine engine(&text_, nullptr);
    for (Outcome& outcome : outcomes) engine.submit(request(1000), outcome.callbacks());
    text_.gate.open();
  }
  for (Outcome& outcome : outcomes) EXPECT_EQ(outcome.future.get().reason, FinishReason::kCancelled);
  EXPECT_EQ(text_.admitted, text_.released);
}

TEST_F(StepEngineTest, ManyThreadsMayAsk) {
  text_.gate.open();
  StepEngineOptions options;
  options.most_waiting = 1000;
  std::atomic<int> ended{0};
  {
    StepEngine engine(&text_, &speech_, options);
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          if (thread % 2 == 0) {
            engine.submit(SpeechRequest{}, [&](SpeechResult) { ++ended; });
            continue;
          }
          const auto handle = engine.submit(
              request(1 + i % 7), {.on_text = nullptr, .on_finished = [&](TextResult) { ++ended; }});
          if (i % 3 == 0) handle->cancel();
          engine.statistics();
        }
      });
    }
  }
  EXPECT_EQ(ended, 200);
}

}  // namespace
}  // namespace vedette::models::runtime
