#include "daemon/files/captioner.h"

#include <gtest/gtest.h>

#include <cstdlib>

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
  Captioner captioner(*runtime_);
  std::vector<Caption> captions;
  std::chrono::nanoseconds last_progress{0};
  const CaptionStats stats = captioner.run(
      reader, [&](Caption caption) { captions.push_back(std::move(caption)); },
      [&](std::chrono::nanoseconds done) {
        EXPECT_GE(done, last_progress);
        last_progress = done;
      });
  std::string text;
  std::chrono::nanoseconds last_start{0};
  for (const Caption& caption : captions) {
    text += caption.text + " ";
    EXPECT_GE(caption.start, last_start);
    EXPECT_LE(caption.start, caption.end);
    EXPECT_FALSE(caption.words.empty());
    last_start = caption.start;
  }
  EXPECT_LE(tests::word_error_rate(tests::kMorning + " " + tests::kKitchen + " " + tests::kHarbour, text),
            0.15)
      << text;
  EXPECT_GE(stats.windows, 2);
  EXPECT_EQ(last_progress, stats.sound);
  EXPECT_NEAR(std::chrono::duration<double>(captions.back().end).count(),
              std::chrono::duration<double>(stats.sound).count() - 1.0, 1.5);
}

TEST_F(CaptionerTest, SilenceIsSkipped) {
  MediaReader reader(file_of({std::vector<float>(16000 * 65, 0.0F)}));
  Captioner captioner(*runtime_);
  const CaptionStats stats = captioner.run(
      reader, [](const Caption& caption) { ADD_FAILURE() << caption.text; }, nullptr);
  EXPECT_EQ(stats.windows, 0);
  EXPECT_EQ(stats.silent, 3);
}

TEST_F(CaptionerTest, MayBeStopped) {
  MediaReader reader(
      file_of({spoken_.say(tests::kMorning), spoken_.say(tests::kHarbour), spoken_.say(tests::kKitchen)}));
  Captioner captioner(*runtime_);
  std::stop_source stop;
  int given = 0;
  const CaptionStats stats = captioner.run(
      reader,
      [&](const Caption&) {
        ++given;
        stop.request_stop();
      },
      nullptr, stop.get_token());
  EXPECT_GE(given, 1);
  EXPECT_EQ(stats.windows, 1);
}

}  // namespace
}  // namespace vedette::daemon::files
