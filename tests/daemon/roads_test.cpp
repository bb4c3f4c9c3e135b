// One file, two roads: what FFmpeg and GStreamer read becomes the same records.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "daemon/files/captioner.h"
#include "daemon/narration/sight_parts.h"
#include "daemon/streams/supervisor.h"
#include "tests/support/real_models.h"
#include "tests/support/recording_publisher.h"
#include "tests/support/spoken.h"

namespace vedette::daemon {
namespace {

using namespace std::chrono_literals;
using sinks::Record;

// The id without its counter, which counts other records too.
std::string epoch_of(const Record& record) {
  return record.id.substr(0, record.id.rfind('-'));
}

struct RoadsTest : testing::Test {
  static void SetUpTestSuite() {
    models::runtime::RuntimeOptions options;
    options.hear = test::real_model("whisper-tiny.en");
    options.think = test::real_model("smollm2-135m-instruct");
    options.see = VEDETTE_BINARY_DIR "/share/vedette/models/vedette-nano";
    runtime = models::runtime::Runtime::load(options);
    sight_parts = std::make_unique<narration::SightParts>(*runtime, options.see);
  }
  static void TearDownTestSuite() {
    sight_parts.reset();
    runtime.reset();
  }

  void run(const std::string& command) const { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

  // Speech of more than one window, with a long pause, as 16 kHz FLAC.
  std::string speech() {
    std::string parts;
    int number = 0;
    for (const auto& text : {tests::kMorning, tests::kKitchen, tests::kHarbour}) {
      spoken.say(text, "en-us+f3", 0.5, number == 0 ? 8.0 : 1.0);
      const std::string part = spoken.path(std::to_string(number++) + ".wav");
      run("mv '" + spoken.path("said.wav") + "' '" + part + "'");
      parts += "'" + part + "' ";
    }
    run("sox -R " + parts + "'" + spoken.path("speech.flac") + "'");
    return spoken.path("speech.flac");
  }

  // As `vedette caption` reads it.
  static std::vector<Record> by_ffmpeg(const std::string& file) {
    files::MediaReader reader(file);
    files::CaptionerOptions options;
    options.stream = "clip";
    options.clock = files::file_clock(reader.info(), std::nullopt);
    std::vector<Record> records;
    files::Captioner(*runtime, options)
        .run(
            reader, [&](const Record& record) { records.push_back(record); }, nullptr);
    return records;
  }

  // The same with its pictures: what they show, and what is heard.
  static std::vector<Record> all_by_ffmpeg(const std::string& file) {
    files::MediaReader reader(file, true);
    files::PictureReader pictures(file);
    files::CaptionerOptions options;
    options.stream = "clip";
    options.clock = files::file_clock(reader.info(), std::nullopt);
    options.narration.sight = sight_parts->options();
    std::vector<Record> records;
    files::Captioner::Hooks hooks;
    hooks.give = [&](const Record& record) { records.push_back(record); };
    files::Captioner(*runtime, options).run(reader, &pictures, hooks);
    return closed(records, sinks::Kind::kCaption);
  }
  static std::vector<Record> closed(const std::vector<Record>& records, sinks::Kind kind) {
    std::vector<Record> found;
    for (const Record& record : records) {
      if (record.kind == kind && record.state == sinks::RecordState::kClose) found.push_back(record);
    }
    return found;
  }

  // As vedetted reads it.
  static std::vector<Record> by_gstreamer(const std::string& file,
                                          sinks::Kind kind = sinks::Kind::kTranscript) {
    settings::StreamSettings stream;
    stream.id = "clip";
    stream.source = "file://" + file;
    stream.pace = settings::Pace::kFast;
    stream.retry_first = stream.retry_longest = 1h;  // once is enough
    tests::RecordingPublisher publisher;
    auto options = narration::whole_windows();
    if (kind == sinks::Kind::kCaption) options.sight = sight_parts->options();
    const auto narration = narration::StreamNarration::create("clip", runtime->engine(), publisher, options);
    streams::Supervisor supervisor({{runtime, &runtime->hearing()}, {runtime, &runtime->seeing()}});
    supervisor.start(stream, narration);
    const auto ended = [&] {
      const auto states = publisher.states();
      return std::any_of(states.begin(), states.end(),
                         [](const auto& state) { return state.reason == "eos"; });
    };
    for (int turn = 0; turn < 6000 && !ended(); ++turn) std::this_thread::sleep_for(10ms);
    supervisor.stop();
    narration->stop();
    EXPECT_EQ(narration->stats().shed, 0u);
    return closed(publisher.records(), kind);
  }

  static inline std::shared_ptr<models::runtime::Runtime> runtime;
  static inline std::unique_ptr<narration::SightParts> sight_parts;
  tests::Spoken spoken;
};

TEST_F(RoadsTest, TheSameSamplesGiveTheSameRecords) {
  const std::string file = speech();
  const auto a = by_ffmpeg(file), b = by_gstreamer(file);
  ASSERT_GE(a.size(), 6u);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(epoch_of(a[i]), epoch_of(b[i]));
    EXPECT_EQ(a[i].text, b[i].text);
    EXPECT_EQ(a[i].t_start_ms, b[i].t_start_ms);
    EXPECT_EQ(a[i].t_end_ms, b[i].t_end_ms);
    EXPECT_EQ(a[i].details, b[i].details);
    EXPECT_EQ(a[i].clock, "file");
    EXPECT_EQ(a[i].clock_error_ms, b[i].clock_error_ms);
  }
}

// Lossy sound beside a picture: two decoders and two resamplers, so times may differ, most beside a pause,
// where attention is spread thin.
TEST_F(RoadsTest, AClipGivesTheSameWordsAtTheSameUtc) {
  const std::string sound = speech(), file = spoken.path("clip.mp4");
  run("ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc=size=160x90:rate=5 -i '" + sound +
      "' -shortest -c:v libx264 -preset ultrafast -c:a aac -b:a 128k -ar 44100 -ac 2 "
      "-metadata creation_time=2026-01-31T12:00:00Z '" +
      file + "'");
  const auto a = by_ffmpeg(file), b = by_gstreamer(file);
  ASSERT_GE(a.size(), 6u);
  ASSERT_EQ(a.size(), b.size());
  constexpr std::int64_t kMade = 1'769'860'800'000;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(epoch_of(a[i]), epoch_of(b[i]));
    EXPECT_EQ(a[i].text, b[i].text);
    EXPECT_NEAR(static_cast<double>(a[i].t_start_ms - kMade), static_cast<double>(b[i].t_start_ms - kMade),
                250.0);
    EXPECT_NEAR(static_cast<double>(a[i].t_end_ms - kMade), static_cast<double>(b[i].t_end_ms - kMade),
                250.0);
    EXPECT_EQ(a[i].clock_error_ms, 1000);
    EXPECT_EQ(b[i].clock_error_ms, 1000);
  }
  EXPECT_GE(b.front().t_start_ms, kMade);
  EXPECT_LT(b.front().t_start_ms, kMade + 5000);
}

// H.264 decodes to the same numbers everywhere, and captions are made from pictures, motion and words alike.
TEST_F(RoadsTest, AClipGivesTheSameCaptions) {
  const std::string sound = speech(), file = spoken.path("shown.mp4");
  run("ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=10:duration=12 -f lavfi -i "
      "color=black:size=320x180:rate=10:duration=8 -f lavfi -i smptebars=size=320x180:rate=10:duration=12 -i "
      "'" +
      sound +
      "' -filter_complex '[0:v][1:v][2:v]concat=n=3:v=1:a=0[v]' -map '[v]' -map 3:a -shortest -c:v libx264 "
      "-preset ultrafast -pix_fmt yuv420p -c:a flac -strict -2 '" +
      file + "'");
  const auto a = all_by_ffmpeg(file), b = by_gstreamer(file, sinks::Kind::kCaption);
  ASSERT_GE(a.size(), 2u);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].text, b[i].text);
    EXPECT_EQ(a[i].t_start_ms, b[i].t_start_ms) << a[i].text;
    EXPECT_EQ(a[i].t_end_ms, b[i].t_end_ms) << a[i].text;
  }
}

}  // namespace
}  // namespace vedette::daemon
