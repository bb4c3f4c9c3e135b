#include "daemon/service/configuration.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace vedette::daemon::service {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConfigurationTest : public testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(file_) << text; }
  Configuration start() {
    return {file_, environment_, settings::load(file_, environment_), [this](const settings::Settings& now) {
              applied_.push_back(now);
              return std::string("applied");
            }};
  }
  // What a reload of this text makes of it, and what it says in the log.
  ReloadOutcome reload(Configuration& configuration, const std::string& text) {
    write(text);
    testing::internal::CaptureStderr();
    const ReloadOutcome outcome = configuration.reload();
    log_ = testing::internal::GetCapturedStderr();
    return outcome;
  }
  static std::string metrics_of(const Configuration& configuration) {
    metrics::Metrics metrics;
    metrics.add_source([&](metrics::Scrape& scrape) { configuration.write(scrape); });
    return metrics.text();
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "vedette.yaml";
  const settings::Environment environment_ = [](const std::string&) { return std::nullopt; };
  std::vector<settings::Settings> applied_;
  std::string log_;
};

TEST_F(ConfigurationTest, AReloadIsTheSameCallAsTheStart) {
  write("streams: {gate: {source: 'test://'}}");
  Configuration configuration = start();
  ASSERT_EQ(applied_.size(), 1U);
  EXPECT_EQ(
      reload(configuration, "retention: 1h\nstreams: {gate: {source: 'test://'}, yard: {source: 'test://'}}"),
      ReloadOutcome::kApplied);
  ASSERT_EQ(applied_.size(), 2U);
  EXPECT_EQ(applied_[1].retention, std::chrono::hours(1));
  EXPECT_EQ(applied_[1].streams.size(), 2U);
  EXPECT_EQ(configuration.settings().streams.size(), 2U);
  EXPECT_THAT(log_, HasSubstr("reloaded: applied"));
  EXPECT_THAT(metrics_of(configuration), HasSubstr("vedette_config_reloads_total{outcome=\"applied\"} 1\n"));
  EXPECT_THAT(metrics_of(configuration), HasSubstr("vedette_config_last_reload_successful 1\n"));
}

TEST_F(ConfigurationTest, ABadFileIsRefusedWithEveryProblemAndTheOldSettingsStay) {
  write("streams: {gate: {source: 'test://'}}");
  Configuration configuration = start();
  EXPECT_EQ(reload(configuration, "retention: soon\nlog: debug\nstreams:\n  gate: {sorce: 'test://'}\n"),
            ReloadOutcome::kBadFile);
  EXPECT_EQ(applied_.size(), 1U);
  EXPECT_EQ(configuration.settings().log_level, base::LogLevel::kInfo);
  EXPECT_THAT(log_, HasSubstr("vedette.yaml:1:12: retention: "));
  EXPECT_THAT(log_, HasSubstr("vedette.yaml:4:10: streams.gate.sorce: unknown key"));
  EXPECT_THAT(log_, HasSubstr("the old settings stay"));
  const std::string text = metrics_of(configuration);
  EXPECT_THAT(text, HasSubstr("vedette_config_reloads_total{outcome=\"bad_file\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vedette_config_last_reload_successful 0\n"));
}

TEST_F(ConfigurationTest, AFileThatIsGoneIsRefused) {
  write("streams: {gate: {source: 'test://'}}");
  Configuration configuration = start();
  std::filesystem::remove(file_);
  testing::internal::CaptureStderr();
  EXPECT_EQ(configuration.reload(), ReloadOutcome::kBadFile);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("vedette.yaml: cannot be read"));
}

TEST_F(ConfigurationTest, WhatIsFixedIsRefusedByNameAndNothingElseIsTakenOver) {
  write("streams: {gate: {source: 'test://'}}");
  Configuration configuration = start();
  EXPECT_EQ(
      reload(configuration,
             "redis: redis://127.0.0.1:7000/0\nmodels: {hear: none}\nretention: 1h\nstreams: {yard: {source: "
             "'test://'}}"),
      ReloadOutcome::kNeedsRestart);
  EXPECT_EQ(applied_.size(), 1U);
  EXPECT_THAT(log_, HasSubstr("only a restart applies redis, models.hear; the old settings stay"));
  EXPECT_EQ(configuration.settings().streams.at(0).id, "gate");
  EXPECT_THAT(metrics_of(configuration), HasSubstr("{outcome=\"needs_restart\"} 1\n"));
  EXPECT_EQ(reload(configuration, "streams: {gate: {source: 'test://'}}"), ReloadOutcome::kApplied);
  EXPECT_THAT(metrics_of(configuration), HasSubstr("vedette_config_last_reload_successful 1\n"));
}

}  // namespace
}  // namespace vedette::daemon::service
