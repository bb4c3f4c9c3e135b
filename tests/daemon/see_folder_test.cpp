// A user's own SmolVLM folder as the model that sees and thinks: captions and answers of a live stream.
// Its weights are random: what is said is not looked at, only that it is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "daemon/files/picture_reader.h"
#include "daemon/files/picture_viewer.h"
#include "daemon/narration/answers.h"
#include "daemon/narration/sight_parts.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/streams/supervisor.h"
#include "models/runtime/runtime.h"
#include "tests/support/recording_feed.h"
#include "tests/support/recording_publisher.h"
#include "tests/support/smolvlm_folder.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST(SeeFolder, AUsersSmolVlmCaptionsAStreamAndAnswers) {
  const tests::SmolVlmFolder folder;
  models::runtime::RuntimeOptions options;
  options.see = folder.path();
  options.threads = 1;
  const auto runtime = models::runtime::Runtime::load(options);
  ASSERT_TRUE(runtime->can_think()) << "the folder's own language model";
  const narration::SightParts parts(*runtime, folder.path());
  tests::RecordingPublisher publisher;
  narration::NarrationOptions narrating;
  narrating.sight = parts.options();
  const auto narration = narration::StreamNarration::create("gate", runtime->engine(), publisher, narrating);
  streams::Supervisor supervisor({nullptr, {runtime, &runtime->seeing()}});
  settings::StreamSettings stream;
  stream.id = "gate";
  stream.pipeline =
      "videotestsrc is-live=true pattern=ball ! capsfilter "
      "caps=video/x-raw,width=320,height=180,framerate=10/1";
  stream.video_rate_hz = 2.0;
  supervisor.start(stream, narration);
  const auto captions = [&] {
    const auto records = publisher.records();
    return std::any_of(records.begin(), records.end(),
                       [](const auto& record) { return record.kind == sinks::Kind::kCaption; });
  };
  for (int turn = 0; turn < 3000 && !(captions() && narration->sight()->stats().captions_asked > 0); ++turn)
    std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(captions());
  EXPECT_GT(narration->sight()->stats().captions_asked, 0u) << "the language model was asked";
  const auto pictures = narration->sight()->pictures(0, base::utc_now_ms() + 60'000);
  ASSERT_FALSE(pictures.empty());
  EXPECT_EQ(pictures.front().tokens->tiles, (models::preprocess::TileGrid{2, 2}));
  EXPECT_EQ(pictures.front().tokens->rows.shape()[0], 5 * 4) << "four tiles and the whole";

  narration::AnswerOptions answering;
  answering.writer = parts.writer();
  narration::Answers answers(runtime->engine(), runtime->think_tokenizer(), runtime->think_template(),
                             runtime->think_context(), answering);
  sinks::Question question;
  question.id = "q";
  question.stream = "gate";
  question.text = "what is there?";
  std::promise<sinks::Answer> given;
  answers.ask(
      question, narration->timeline(), narration->known_until_ms(),
      [&](sinks::Answer answer) {
        if (answer.state != sinks::AnswerState::kPartial) given.set_value(std::move(answer));
        return true;
      },
      narration->sight());
  const sinks::Answer answer = given.get_future().get();
  EXPECT_EQ(answer.state, sinks::AnswerState::kFinal) << answer.reason;
  EXPECT_FALSE(answer.text.empty());
  supervisor.stop();
  narration->stop();
}

// The same pictures of a file are cut alike and give the same rows, by FFmpeg as by GStreamer.
TEST(SeeFolder, BothRoadsCutTheSameTiles) {
  const tests::SmolVlmFolder folder;
  const test::TemporaryFolder media;
  const std::string file = (media.path() / "film.mp4").string();
  const std::string command =
      "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=320x90:rate=10:duration=2 "
      "-c:v libx264 -preset ultrafast -pix_fmt yuv420p '" +
      file + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  models::runtime::RuntimeOptions options;
  options.see = folder.path();
  options.threads = 1;
  options.tiles = 3;  // 1 x 2 of this wide picture fit
  const auto runtime = models::runtime::Runtime::load(options);
  std::vector<tests::RecordingFeed::Seen> by_ffmpeg;
  {
    tests::RecordingFeed feed;
    files::PictureReader reader(file);
    files::PictureViewer viewer({"clip", 2.0, true}, {runtime, &runtime->seeing()},
                                {{{}, [](const signals::MotionEvent&) {}},
                                 [&](streams::SeenFrame frame) { feed.on_seen(std::move(frame)); }});
    const auto wants = [&](std::chrono::nanoseconds time) { return viewer.wants({0, time}); };
    while (auto picture = reader.read(wants)) viewer.look({0, picture->time}, std::move(picture->frame));
    viewer.finish();
    by_ffmpeg = feed.log().seen;
  }
  const auto feed = std::make_shared<tests::RecordingFeed>();
  streams::Supervisor supervisor({nullptr, {runtime, &runtime->seeing()}});
  settings::StreamSettings stream;
  stream.id = "clip";
  stream.source = "file://" + file;
  stream.pace = settings::Pace::kFast;
  stream.retry_first = stream.retry_longest = 1h;  // once is enough
  stream.video_rate_hz = 2.0;
  supervisor.start(stream, feed);
  EXPECT_TRUE(feed->wait_for(
      [](const auto& log) { return log.has_status(streams::StreamState::kReconnecting, "eos"); }));
  supervisor.stop();
  const auto by_gstreamer = feed->log().seen;
  ASSERT_GE(by_ffmpeg.size(), 4u);
  ASSERT_EQ(by_ffmpeg.size(), by_gstreamer.size());
  for (std::size_t i = 0; i + 1 < by_ffmpeg.size(); ++i) {  // the last only ends it
    EXPECT_EQ(by_ffmpeg[i].tiles, (models::preprocess::TileGrid{1, 2})) << i;
    EXPECT_EQ(by_gstreamer[i].tiles, by_ffmpeg[i].tiles) << i;
    EXPECT_EQ(by_gstreamer[i].values, by_ffmpeg[i].values) << i;
    EXPECT_EQ(by_ffmpeg[i].values.size(), 3u * 4 * 32) << i;
  }
}

}  // namespace
}  // namespace vedette::daemon
