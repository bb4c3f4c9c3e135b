// Pictures of streams of all kinds, good ones and bad ones, on their way to the feed.
#include <cstdlib>

#include "tests/daemon/streams/streams_fixture.h"
#include "tests/support/fake_image_encoding.h"
#include "tests/support/temporary_folder.h"

namespace vedette::daemon::streams {
namespace {

struct PicturesTest : testing::Test {
  std::shared_ptr<tests::FakeAudioEncoding> hearing = std::make_shared<tests::FakeAudioEncoding>();
  std::shared_ptr<tests::FakeImageEncoding> seeing = std::make_shared<tests::FakeImageEncoding>();
  std::shared_ptr<RecordingFeed> feed = std::make_shared<RecordingFeed>();
  Supervisor supervisor{gst::RuntimeHandle{hearing, seeing}};
  test::TemporaryFolder folder;

  ~PicturesTest() override { supervisor.stop(); }

  static settings::StreamSettings described(const std::string& pipeline, const std::string& id = "gate") {
    settings::StreamSettings stream = StreamsTest::stream("", id);
    stream.pipeline = pipeline;
    stream.video_rate_hz = 5.0;
    return stream;
  }
  static settings::StreamSettings fast(const std::string& file) {
    settings::StreamSettings stream = StreamsTest::stream("file://" + file);
    stream.pace = settings::Pace::kFast;
    stream.retry_first = stream.retry_longest = 1h;  // once is enough
    stream.video_rate_hz = 5.0;
    return stream;
  }
  // Runs ffmpeg with these arguments before the file's name.
  std::string make(const std::string& name, const std::string& arguments) const {
    const std::string file = (folder.path() / name).string();
    const std::string command = "ffmpeg -nostdin -loglevel error -y " + arguments + " '" + file + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return file;
  }
  static bool waits_for_tokens(RecordingFeed& of, std::size_t count) {
    return of.wait_for([&](const Log& log) {
      std::size_t found = 0;
      for (const auto& seen : log.seen) found += seen.tokens > 0 ? 1 : 0;
      return found >= count;
    });
  }
  static bool waits_for_end(RecordingFeed& of) {
    return of.wait_for([](const Log& log) { return log.has_status(StreamState::kReconnecting, "eos"); });
  }
};

TEST_F(PicturesTest, PicturesOfAStreamAreSeenWithEvidence) {
  supervisor.start(described("videotestsrc is-live=true pattern=ball ! capsfilter "
                             "caps=video/x-raw,width=320,height=180,framerate=15/1"),
                   feed);
  ASSERT_TRUE(waits_for_tokens(*feed, 2)) << feed->log().status_text();
  supervisor.stop();
  const Log log = feed->log();
  base::MediaTime before;
  for (const auto& seen : log.seen) {
    EXPECT_GE(seen.time, before);
    before = seen.time;
    if (seen.last) continue;
    EXPECT_EQ(seen.width, 320);
    EXPECT_EQ(seen.height, 180);
  }
  EXPECT_TRUE(log.seen.back().last);
}

TEST_F(PicturesTest, TenBitsAlphaOddSizesAndFieldsAreTaken) {
  const struct {
    const char* form;
    int width, height;
  } cases[] = {{"format=I420_10LE,width=320,height=180", 320, 180},
               {"format=AYUV,width=320,height=180", 320, 180},
               {"format=BGRA,width=320,height=180", 320, 180},
               {"format=GRAY8,width=320,height=180", 320, 180},
               {"format=I420,width=321,height=181", 321, 181},
               {"format=I420,width=2,height=2", 2, 2},
               {"format=I420,width=320,height=180,interlace-mode=interleaved", 320, 180},
               {"format=I420,width=160,height=180,pixel-aspect-ratio=2/1", 320, 180}};
  int number = 0;
  for (const auto& one : cases) {
    SCOPED_TRACE(one.form);
    const auto each = std::make_shared<RecordingFeed>();
    supervisor.start(described("videotestsrc is-live=true ! capsfilter caps=video/x-raw,framerate=10/1," +
                                   std::string(one.form),
                               "s" + std::to_string(number++)),
                     each);
    ASSERT_TRUE(waits_for_tokens(*each, 1)) << each->log().status_text();
    const Log log = each->log();
    EXPECT_EQ(log.seen.front().width, one.width);
    EXPECT_EQ(log.seen.front().height, one.height);
  }
}

TEST_F(PicturesTest, ACameraMaySwitchItsResolution) {
  const std::string small =
      make("a.ts", "-f lavfi -i testsrc=size=64x36:rate=10:duration=2 -c:v libx264 -pix_fmt yuv420p");
  const std::string large = make("b.ts",
                                 "-f lavfi -i testsrc=size=322x182:rate=10:duration=2 -c:v libx264 "
                                 "-pix_fmt yuv420p -output_ts_offset 2");
  const std::string file = (folder.path() / "both.ts").string();
  ASSERT_EQ(std::system(("cat '" + small + "' '" + large + "' > '" + file + "'").c_str()), 0);
  supervisor.start(fast(file), feed);
  ASSERT_TRUE(waits_for_end(*feed)) << feed->log().status_text();
  std::vector<int> widths;
  for (const auto& seen : feed->log().seen) {
    if (!seen.last && (widths.empty() || widths.back() != seen.width)) widths.push_back(seen.width);
  }
  EXPECT_THAT(widths, testing::ElementsAre(64, 322));
}

TEST_F(PicturesTest, ARotatedPictureStandsUpright) {
  const std::string lying =
      make("lying.mp4", "-f lavfi -i testsrc=size=64x36:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p");
  const std::string file = make("turned.mp4", "-i '" + lying + "' -c copy -metadata:s:v rotate=90");
  supervisor.start(fast(file), feed);
  ASSERT_TRUE(waits_for_end(*feed)) << feed->log().status_text();
  const Log log = feed->log();
  ASSERT_FALSE(log.seen.empty());
  EXPECT_EQ(log.seen.front().width, 36);
  EXPECT_EQ(log.seen.front().height, 64);
}

TEST_F(PicturesTest, PicturesOfAFastFileWaitForItsSound) {
  supervisor.start(
      fast(make("clip.mp4",
                "-f lavfi -i testsrc=size=64x36:rate=10:duration=40 -f lavfi -i sine=duration=40 "
                "-c:v libx264 -pix_fmt yuv420p -c:a aac")),
      feed);
  ASSERT_TRUE(waits_for_end(*feed)) << feed->log().status_text();
  const Log log = feed->log();
  ASSERT_FALSE(log.heard.empty());
  EXPECT_TRUE(log.heard.back().last);
  std::size_t pictures = 0;
  for (const auto& seen : log.seen) pictures += seen.last ? 0 : 1;
  EXPECT_NEAR(static_cast<double>(pictures), 200.0, 4.0);  // none is lost
}

TEST_F(PicturesTest, APictureThatCannotBeDecodedLeavesOthersAlone) {
  const auto other = std::make_shared<RecordingFeed>();
  supervisor.start(
      described("videotestsrc is-live=true ! capsfilter caps=video/x-raw,framerate=10/1", "good"), other);
  ASSERT_TRUE(waits_for_tokens(*other, 1));
  const std::string good =
      make("good.mp4", "-f lavfi -i testsrc=size=320x180:rate=10:duration=3 -c:v libx264 -pix_fmt yuv420p");
  const std::string bad = (folder.path() / "bad.mp4").string();
  ASSERT_EQ(std::system(("cp '" + good + "' '" + bad + "' && dd if=/dev/zero of='" + bad +
                         "' bs=1 seek=100 count=9000 conv=notrunc status=none")
                            .c_str()),
            0);
  supervisor.start(fast(bad), feed);
  EXPECT_TRUE(feed->wait_for([](const Log& log) {
    return std::any_of(log.statuses.begin(), log.statuses.end(),
                       [](const auto& status) { return status.state == StreamState::kReconnecting; });
  }));
  const std::size_t before = other->log().seen.size();
  EXPECT_TRUE(other->wait_for([&](const Log& log) { return log.seen.size() >= before + 3; }));
}

}  // namespace
}  // namespace vedette::daemon::streams
