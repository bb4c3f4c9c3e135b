#include "daemon/admission/costs.h"

#include <gmock/gmock.h>

#include <ctime>
#include <future>
#include <thread>

#include "daemon/admission/report.h"
#include "tests/support/fake_engine.h"

namespace vedette::daemon::admission {
namespace {

namespace runtime = models::runtime;
using testing::HasSubstr;

void burn(double seconds) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  for (const double end = now() + seconds; now() < end;) {
  }
}

double cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

// A machine on which a picture takes 20 ms of one core and sound 50 ms, and which hears nobody speak.
class Models : public runtime::Runtime, public runtime::AudioEncoding, public runtime::ImageEncoding {
 public:
  bool can_hear() const override { return hears; }
  bool can_see() const override { return sees; }
  bool can_think() const override { return false; }
  runtime::AudioEncoding& hearing() override { return *this; }
  runtime::ImageEncoding& seeing() override { return *this; }
  runtime::Engine& engine() override { return engine_; }
  const models::text::Tokenizer& think_tokenizer() const override { throw std::logic_error("none"); }
  const models::text::ChatTemplate& think_template() const override { throw std::logic_error("none"); }
  int think_context() const override { return 0; }
  const std::string& hear_name() const override { return name_; }
  const std::string& think_name() const override { return name_; }
  const std::string& device() const override { return name_; }
  runtime::EngineStatistics engine_statistics() const override { return figures; }
  runtime::EncodingStatistics statistics() const override { return encoding; }

  void submit(runtime::AudioWindow, std::function<void(runtime::EncodedAudio)> done) override {
    burn(0.05);
    ++windows;
    runtime::EncodedAudio failed;
    failed.error = std::make_exception_ptr(std::runtime_error("nothing was encoded"));
    done(std::move(failed));
  }
  void submit(runtime::ImageFrame frame, std::function<void(runtime::EncodedImage)> done) override {
    if (never_answers) return waiting_.push_back(std::move(done));
    burn(0.02);
    EXPECT_EQ(frame.view.width, 640);
    ++pictures;
    done({});
  }

  bool hears = true, sees = true, never_answers = false;
  int windows = 0, pictures = 0;
  runtime::EngineStatistics figures;
  runtime::EncodingStatistics encoding;

 private:
  tests::FakeEngine engine_;
  const std::string name_ = "fake";
  std::vector<std::function<void(runtime::EncodedImage)>> waiting_;
};

TEST(AdmissionCosts, AreTheProcessorTimeOfEachWork) {
  Models models;
  const Costs costs = measure_costs(models);
  EXPECT_GE(costs.picture, 0.02 / cores());
  EXPECT_GE(costs.sound_second, 0.05 / cores());
  EXPECT_GT(costs.sound_second, costs.picture);
  EXPECT_GE(models.pictures, 1);
  EXPECT_LE(models.pictures, 3);
  EXPECT_GE(models.windows, 1);
  EXPECT_EQ(costs.caption, 0.0);  // there is no language model
  EXPECT_EQ(costs.check, 0.0);
  EXPECT_THAT(told(costs), HasSubstr("a caption 0 ms"));
}

TEST(AdmissionCosts, WhatIsNotThereCostsNothing) {
  Models models;
  models.hears = models.sees = false;
  const Costs costs = measure_costs(models);
  EXPECT_EQ(costs.picture, 0.0);
  EXPECT_EQ(costs.sound_second, 0.0);
}

TEST(AdmissionCosts, WhatNeverEndsIsLetGo) {
  Models models;
  models.hears = false;
  models.never_answers = true;
  EXPECT_GT(measure_costs(models, std::chrono::milliseconds(20)).picture, 0.0);
}

TEST(AdmissionCosts, TheMachineIsTakenByProcessorTimeOrByTheBusiestStop) {
  const Usage before{100, 10, {1, 1, 1}};
  EXPECT_DOUBLE_EQ(taken(before, {110, 10 + 5 * cores(), {2, 3, 1}}), 0.5);
  EXPECT_DOUBLE_EQ(taken(before, {110, 10 + 5 * cores(), {2, 10, 1}}), 0.9);
  EXPECT_EQ(taken(before, before), 0.0);
}

TEST(AdmissionCosts, UsageIsThatOfEachStop) {
  Models models;
  models.figures.text.busy_seconds = 1;
  models.figures.speech.busy_seconds = 2;
  models.encoding.busy_seconds = 4;
  const Usage before = usage_of(models);
  EXPECT_THAT(before.stop_seconds, testing::ElementsAre(3, 4, 4));
  burn(0.01);
  const Usage after = usage_of(models);
  EXPECT_GE(after.processor_seconds - before.processor_seconds, 0.01);
  EXPECT_GT(after.wall_seconds, before.wall_seconds);
}

}  // namespace
}  // namespace vedette::daemon::admission
