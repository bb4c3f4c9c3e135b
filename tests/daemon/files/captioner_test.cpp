#include "daemon/files/captioner.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/hearing_rig.h"
#include "tests/support/real_models.h"
#include "tests/support/spoken.h"

namespace vedette::daemon::files {
namespace {

class CaptionerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    models::runtime::RuntimeOptions options;
    options.hear = test::real_model("whisper-tiny.en");
    runtime_ = models::runtime::Runtime::load(options);
  }
  static void TearDownTestSuite() { runtime_.reset(); }

  // The parts one after another as a file.
  std::string file_of(const std::vector<std::vector<float>>& parts) {
    const std::string raw = spoken_.path("all.f32");
    std::FILE* out = std::fopen(raw.c_str(), "wb");
    for (const auto& part : parts) std::fwrite(part.data(), sizeof(float), part.size(), out);
    std::fclose(out);
    const std::string file = spoken_.path("all.flac");
    EXPECT_EQ(std::system(("sox -R -t f32 -r 16000 -c 1 '" + raw + "' '" + file + "'").c_str()), 0);
    return file;
  }

  static inline std::shared_ptr<models::runtime::Runtime> runtime_;
  tests::Spoken spoken_;
};

TEST_F(CaptionerTest, ALongFileIsHeardWhole) {
  const auto pause = std::vector<float>(16000 * 8, 0.0F);
  const std::string file = file_of(
      {spoken_.say(tests::kMorning), pause, spoken_.say(tests::kKitchen), spoken_.say(tests::kHarbour)});
  MediaReader reader(file);
  CaptionerOptions options;
  options.stream = "clip";
  Captioner captioner(*runtime_, options);
  std::vector<sinks::Record> records;
  std::chrono::nanoseconds last_progress{0};
  const CaptionStats stats = captioner.run(
      reader, [&](const sinks::Record& record) { records.push_back(record); },
      [&](std::chrono::nanoseconds done) {
        EXPECT_GE(done, last_progress);
        last_progress = done;
      });
  std::string text;
  std::int64_t last_start = 0;
  for (const sinks::Record& record : records) {
    text += record.text + " ";
    EXPECT_EQ(record.stream, "clip");
    EXPECT_GE(record.t_start_ms, last_start);
    EXPECT_LE(record.t_start_ms, record.t_end_ms);
    EXPECT_GT(record.published_ms, record.t_end_ms);
    last_start = record.t_start_ms;
  }
  // The voice is misheard here and there; a sentence that were left out would be a ninth of the words more.
  EXPECT_LE(tests::word_error_rate(tests::kMorning + " " + tests::kKitchen + " " + tests::kHarbour, text),
            0.2)
      << text;
  EXPECT_GE(stats.narration.passes, 2u);
  EXPECT_EQ(last_progress, stats.sound);
  ASSERT_FALSE(records.empty());
  EXPECT_NEAR(static_cast<double>(records.back().t_end_ms) / 1000.0,
              std::chrono::duration<double>(stats.sound).count() - 1.0, 1.5);
}

// Recordings of telephone voices one after another: text of the windows before must not make the model skip.
TEST_F(CaptionerTest, NoSentenceOfALongFileIsLeftOut) {
  std::ifstream list(std::string(VEDETTE_SOURCE_DIR) + "/tests/golden/whisper/recordings.json");
  std::string expected;
  std::vector<std::vector<float>> parts;
  const auto recordings = nlohmann::json::parse(list);
  for (const auto& entry : recordings.at("recordings")) {
    expected += entry.at("text").get<std::string>() + " ";
    parts.push_back(tests::Spoken::read(entry.at("file")));
    parts.emplace_back(16000, 0.0F);
  }
  MediaReader reader(file_of(parts));
  std::string text;
  Captioner(*runtime_, {})
      .run(
          reader, [&](const sinks::Record& record) { text += record.text + " "; }, nullptr);
  EXPECT_LE(tests::word_error_rate(expected, text), 0.1) << text;
}

TEST_F(CaptionerTest, SilenceIsSkipped) {
  MediaReader reader(file_of({std::vector<float>(16000 * 65, 0.0F)}));
  Captioner captioner(*runtime_, {});
  const CaptionStats stats = captioner.run(
      reader, [](const sinks::Record& record) { ADD_FAILURE() << record.text; }, nullptr);
  EXPECT_EQ(stats.narration.passes, 0u);
  EXPECT_EQ(stats.narration.silent, stats.narration.windows);
}

TEST_F(CaptionerTest, MayBeStopped) {
  MediaReader reader(
      file_of({spoken_.say(tests::kMorning), spoken_.say(tests::kHarbour), spoken_.say(tests::kKitchen)}));
  Captioner captioner(*runtime_, {});
  std::stop_source stop;
  int given = 0;
  const CaptionStats stats = captioner.run(
      reader,
      [&](const sinks::Record&) {
        ++given;
        stop.request_stop();
      },
      nullptr, stop.get_token());
  EXPECT_GE(given, 1);
  EXPECT_EQ(stats.narration.passes, 1u);
}

}  // namespace
}  // namespace vedette::daemon::files
