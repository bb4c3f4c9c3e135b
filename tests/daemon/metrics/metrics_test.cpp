#include "daemon/metrics/metrics.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "daemon/admission/report.h"
#include "daemon/http/http_server.h"
#include "daemon/ledger/ledger.h"
#include "daemon/metrics/metered_publisher.h"
#include "daemon/metrics/sources.h"
#include "daemon/service/configuration.h"
#include "tests/support/recording_publisher.h"

namespace vedette::daemon::metrics {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, SamplesOfOneNameFormOneFamilyWhoeverAddsThem) {
  Metrics metrics;
  metrics.add_source([](Scrape& scrape) { scrape.counter("a_total", "As.", 1, {{"stream", "x"}}); });
  metrics.add_source([](Scrape& scrape) { scrape.counter("a_total", "As.", 2, {{"stream", "y"}}); });
  metrics.add_source([](Scrape& scrape) { scrape.gauge("b", "Bs.", 0.5); });
  EXPECT_EQ(metrics.text(),
            "# HELP a_total As.\n# TYPE a_total counter\na_total{stream=\"x\"} 1\na_total{stream=\"y\"} 2\n"
            "# HELP b Bs.\n# TYPE b gauge\nb 0.5\n");
}

TEST(Metrics, HistogramsCumulate) {
  Histogram histogram({1.0, 2.0});
  for (const double value : {0.5, 1.0, 1.5, 9.0}) histogram.observe(value);
  Metrics metrics;
  metrics.add_source([&](Scrape& scrape) { histogram.write(scrape, "h_seconds", "Hs.", {}); });
  const std::string text = metrics.text();
  EXPECT_TRUE(has_line(text, "h_seconds_bucket{le=\"1\"} 2")) << text;
  EXPECT_TRUE(has_line(text, "h_seconds_bucket{le=\"2\"} 3"));
  EXPECT_TRUE(has_line(text, "h_seconds_bucket{le=\"+Inf\"} 4"));
  EXPECT_TRUE(has_line(text, "h_seconds_count 4"));
  EXPECT_TRUE(has_line(text, "h_seconds_sum 12"));
}

sinks::Record words(sinks::RecordState state, std::int64_t end_ms, std::string clock) {
  sinks::Record record;
  record.stream = "gate";
  record.kind = sinks::Kind::kTranscript;
  record.state = state;
  record.t_end_ms = end_ms;
  record.clock = std::move(clock);
  record.text = "a word";
  return record;
}

TEST(MeteredPublisher, CountsAndMeasuresHowLateLiveWordsAre) {
  tests::RecordingPublisher recorder(3);
  MeteredPublisher publisher(recorder, [] { return std::int64_t{10'000}; });
  EXPECT_EQ(publisher.publish(words(sinks::RecordState::kUpdate, 8'600, "receive")),
            sinks::PublishOutcome::kAccepted);
  publisher.publish(words(sinks::RecordState::kClose, 7'000, "receive"));
  publisher.publish(words(sinks::RecordState::kClose, 5, "file"));
  EXPECT_EQ(publisher.publish(words(sinks::RecordState::kClose, 6'900, "rtcp")),
            sinks::PublishOutcome::kDroppedFull);
  sinks::StateUpdate update;
  update.stream = "gate";
  update.state = "running";
  publisher.publish_state(update);
  publisher.publish_live("gate", "x");
  EXPECT_EQ(recorder.states().size(), 1U);
  update = {};
  update.stream = "film";
  update.state = "stalled";
  update.clock = "file";
  update.last_frame_ms = 5;
  publisher.publish_state(update);
  update.stream = "gate";
  update.clock = "receive";
  update.state.reset();
  update.last_frame_ms = 7'500;
  publisher.publish_state(update);
  EXPECT_EQ(recorder.live().size(), 1U);
  Metrics metrics;
  metrics.add_source([&](Scrape& scrape) { publisher.write(scrape); });
  const std::string text = metrics.text();
  EXPECT_TRUE(has_line(text, R"(vedette_records_total{stream="gate",kind="transcript",state="accepted"} 3)"))
      << text;
  EXPECT_TRUE(has_line(text, R"(vedette_records_total{stream="gate",kind="transcript",state="full"} 1)"));
  EXPECT_TRUE(has_line(text, R"(vedette_speech_delay_seconds_sum{stream="gate",state="tentative"} 1.4)"));
  EXPECT_TRUE(has_line(text, R"(vedette_speech_delay_seconds_count{stream="gate",state="committed"} 2)"));
  EXPECT_TRUE(has_line(text, R"(vedette_stream_state{stream="gate",state="running"} 1)"));
  EXPECT_TRUE(has_line(text, R"(vedette_stream_state{stream="gate",state="stalled"} 0)"));
  EXPECT_TRUE(has_line(text, R"(vedette_stream_up{stream="gate"} 1)"));
  EXPECT_TRUE(has_line(text, R"(vedette_stream_up{stream="film"} 0)"));
  EXPECT_TRUE(has_line(text, R"(vedette_stream_lag_seconds{stream="gate"} 2.5)"));
  EXPECT_EQ(text.find(R"(vedette_stream_lag_seconds{stream="film"})"), std::string::npos);
  publisher.forget("gate");
  EXPECT_EQ(metrics.text().find("gate"), std::string::npos);
}

// Every family that the daemon serves, as it serves them.
std::string whole_page() {
  tests::RecordingPublisher recorder;
  MeteredPublisher publisher(recorder, [] { return std::int64_t{0}; });
  publisher.publish(words(sinks::RecordState::kClose, 0, "receive"));
  sinks::StateUpdate update;
  update.stream = "gate";
  update.last_frame_ms = 1;
  publisher.publish_state(update);
  const service::Configuration configuration("", settings::process_environment(), {},
                                             [](const settings::Settings&) { return std::string(); });
  ledger::Ledger ledger;
  ledger.book("gate", {true, false});
  sinks::redis::PublisherStats redis;
  redis.streams.resize(3);
  redis.streams[0].stream = "(answers)";
  redis.streams[1].stream = "(alerts)";
  redis.streams[2].stream = "gate";
  models::runtime::EngineStatistics engine;
  engine.time_to_first_token.observe(std::chrono::milliseconds(20));
  models::runtime::EncodingStatistics sound, pictures;
  sound.windows = 5;
  pictures.windows = 7;
  pictures.busy_seconds = 2.0;
  Metrics metrics;
  metrics.add_source([&](Scrape& scrape) {
    publisher.write(scrape);
    ledger.write(scrape);
    write(scrape, redis);
    write(scrape, sinks::redis::QuestionStats{});
    write(scrape, engine);
    write(scrape, "gate", narration::SightStats{});
    write(scrape, evidence::EvidenceStats{});
    http::write(scrape, http::HttpStats{{{"served", 2}}, {{"token", 1}}, {}});
    write(scrape, sound, Encoder::kSound);
    write(scrape, pictures, Encoder::kPictures);
    write(scrape, "gate", streams::ElementCounters{.superseded = 3, .gap_samples = 8000});
    admission::write(scrape, {}, {}, 0);
    configuration.write(scrape);
    write_process(scrape);
  });
  return metrics.text();
}

TEST(Metrics, WindowsAreCountedByStreamAndWhatBecameOfThem) {
  const std::string text = whole_page();
  EXPECT_TRUE(has_line(text, R"(vedette_windows_total{stream="gate",modality="audio",state="superseded"} 3)"))
      << text;
  EXPECT_TRUE(has_line(text, R"(vedette_windows_total{stream="gate",modality="audio",state="flushed"} 0)"));
  EXPECT_TRUE(has_line(text, R"(vedette_sound_gap_seconds_total{stream="gate"} 0.5)"));
}

TEST(Metrics, SoundAndPicturesAreEncodedApart) {
  const std::string text = whole_page();
  EXPECT_TRUE(has_line(text, R"(vedette_encoder_windows_total{modality="audio"} 5)")) << text;
  EXPECT_TRUE(has_line(text, R"(vedette_encoder_windows_total{modality="image"} 7)"));
  EXPECT_TRUE(has_line(text, R"(vedette_stop_busy_seconds_total{stop="image_encoder"} 2)"));
}

TEST(Metrics, TheWholePagePassesPromtool) {
  const std::string name =
      std::filesystem::temp_directory_path() / ("vedette-metrics-" + std::to_string(getpid()));
  std::ofstream(name) << whole_page();
  FILE* promtool = popen(("promtool check metrics < " + name + " 2>&1").c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string output;
  for (char buffer[256]; fgets(buffer, sizeof buffer, promtool) != nullptr;) output += buffer;
  const int status = pclose(promtool);
  std::filesystem::remove(name);
  EXPECT_EQ(status, 0) << output;
  EXPECT_EQ(output, "");
}

// The names in the first column of docs/metrics.md.
std::set<std::string> documented() {
  std::ifstream page(VEDETTE_SOURCE_DIR "/docs/metrics.md");
  std::set<std::string> names;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string column = line.substr(0, line.find('|', 1));
    for (std::size_t at = column.find('`'); at != std::string::npos;) {
      const std::size_t end = column.find('`', at + 1);
      names.insert(column.substr(at + 1, end - at - 1));
      at = column.find('`', end + 1);
    }
  }
  return names;
}

TEST(Metrics, ThePageOfTheDocumentationNamesThemAll) {
  std::set<std::string> served;
  std::istringstream text(whole_page());
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) served.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  EXPECT_EQ(served, documented());
}

TEST(Metrics, TheProcessIsMeasured) {
  Metrics metrics;
  metrics.add_source(write_process);
  const std::string text = metrics.text();
  const auto value = [&](const std::string& name) {
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  for (const char* state : {"used", "free"})  // a sanitizer's allocator says 0
    EXPECT_GE(value("vedette_heap_bytes{state=\"" + std::string(state) + "\"}"), 0) << state;
  EXPECT_GT(value("process_open_fds"), 2);
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GT(value("process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace vedette::daemon::metrics
