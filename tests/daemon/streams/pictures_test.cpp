// Pictures of streams of all kinds, good ones and bad ones, on their way to the feed.
#include <cstdlib>

#include "daemon/files/picture_reader.h"
#include "daemon/files/picture_viewer.h"
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
  // What is seen of a file: time, size, and whether it was encoded.
  using Sampled = std::vector<std::tuple<std::int64_t, int, int, bool>>;
  static Sampled by_ffmpeg(const std::string& file, double rate_hz) {
    files::PictureReader reader(file);
    Sampled sampled;
    files::PictureViewer viewer({"clip", rate_hz, true}, std::make_shared<tests::FakeImageEncoding>(),
                                {{{}, [](const signals::MotionEvent&) {}}, [&](SeenFrame frame) {
                                   if (frame.last) return;
                                   sampled.emplace_back(frame.time.t.count() / 1'000'000,
                                                        frame.picture.view.width, frame.picture.view.height,
                                                        !frame.tokens.empty());
                                 }});
    const auto wants = [&](std::chrono::nanoseconds time) { return viewer.wants({0, time}); };
    while (auto picture = reader.read(wants)) viewer.look({0, picture->time}, std::move(picture->frame));
    viewer.finish();
    return sampled;
  }
  Sampled by_gstreamer(const std::string& file, double rate_hz) {
    const auto each = std::make_shared<RecordingFeed>();
    settings::StreamSettings stream = fast(file);
    stream.video_rate_hz = rate_hz;
    supervisor.start(stream, each);
    EXPECT_TRUE(waits_for_end(*each)) << each->log().status_text();
    supervisor.stop({"gate"});
    Sampled sampled;
    for (const auto& seen : each->log().seen) {
      if (seen.last || seen.time.epoch != 0) continue;
      sampled.emplace_back(seen.time.t.count() / 1'000'000, seen.width, seen.height, seen.tokens > 0);
    }
    return sampled;
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

TEST_F(PicturesTest, FewerAreSampledWhereTheMachineIsToDoLess) {
  settings::StreamSettings stream = described(
      "videotestsrc is-live=true pattern=ball ! capsfilter "
      "caps=video/x-raw,width=320,height=180,framerate=15/1");
  stream.video_rate_hz = 5.0;
  supervisor.set_picture_share(0.25);
  supervisor.start(stream, feed);
  EXPECT_TRUE(feed->wait_for([](const Log& log) { return log.seen.size() >= 4; }))
      << feed->log().status_text();
  supervisor.set_picture_share(1.0);
  const Log log = feed->log();
  for (std::size_t i = 1; i < log.seen.size(); ++i) {
    if (log.seen[i].time.epoch != log.seen[i - 1].time.epoch) continue;
    EXPECT_GE(log.seen[i].time.t - log.seen[i - 1].time.t, 600ms);  // every 800 ms, of looks every 200 ms
  }
}

TEST_F(PicturesTest, AFileOfOneTrackIsSaidToLackTheOther) {
  const struct {
    const char* name;
    const char* arguments;
    const char* lacks;
  } cases[] = {
      {"film.mp4", "-f lavfi -i testsrc=size=64x36:rate=10:duration=30 -c:v libx264 -pix_fmt yuv420p",
       "no_audio"},
      {"film.mkv", "-f lavfi -i testsrc=size=64x36:rate=10:duration=30 -c:v libx264 -pix_fmt yuv420p",
       "no_audio"},
      {"film.ts", "-f lavfi -i testsrc=size=64x36:rate=10:duration=30 -c:v libx264 -pix_fmt yuv420p",
       "no_audio"},
      {"film.h264", "-f lavfi -i testsrc=size=64x36:rate=10:duration=30 -c:v libx264 -pix_fmt yuv420p",
       "no_audio"},
      {"speech.flac", "-f lavfi -i sine=duration=30", "no_video"},
      {"speech.wav", "-f lavfi -i sine=duration=30", "no_video"},
      {"speech.mp3", "-f lavfi -i sine=duration=30", "no_video"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const auto each = std::make_shared<RecordingFeed>();
    settings::StreamSettings stream = fast(make(one.name, one.arguments));
    stream.pace = settings::Pace::kLive;
    supervisor.start(stream, each);
    EXPECT_TRUE(
        each->wait_for([&](const Log& log) { return log.has_status(StreamState::kRunning, one.lacks); }, 8s))
        << each->log().status_text();
    supervisor.stop({"gate"});
  }
}

TEST_F(PicturesTest, OfKeyFramesAloneAllAreSeen) {
  settings::StreamSettings stream = fast(make(
      "keys.mp4", "-f lavfi -i testsrc2=size=64x36:rate=10:duration=8 -c:v libx264 -g 10 -pix_fmt yuv420p"));
  stream.video_rate_hz = 1.0;
  stream.video_key_frames = true;
  supervisor.start(stream, feed);
  ASSERT_TRUE(waits_for_end(*feed)) << feed->log().status_text();
  std::vector<std::int64_t> times;
  for (const auto& seen : feed->log().seen) {
    if (!seen.last) times.push_back(seen.time.t.count() / 1'000'000);
  }
  EXPECT_THAT(times, testing::ElementsAre(0, 1000, 2000, 3000, 4000, 5000, 6000, 7000));
  EXPECT_EQ(feed->log().motions, 0);
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

// Whatever the file is like: the same pictures are sampled, and of these the same are encoded.
TEST_F(PicturesTest, BothRoadsSampleTheSamePictures) {
  const std::string moving = "-f lavfi -i testsrc2=size=160x90:rate=10:duration=3 ";
  const std::string still = "-f lavfi -i color=c=0x507090:size=160x90:rate=10:duration=3 ";
  const std::string h264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
  const struct {
    const char* name;
    std::string arguments;
    double rate_hz;
    std::size_t least;
  } cases[] = {
      {"moving.mp4", moving + h264, 1.0, 3},
      {"still.mp4", still + h264, 1.0, 3},
      {"b_frames.mp4", moving + "-c:v libx264 -bf 3 -g 30 -pix_fmt yuv420p", 2.0, 6},
      {"ntsc.mp4", "-f lavfi -i testsrc2=size=160x90:rate=30000/1001:duration=3 " + h264, 4.0, 10},
      {"variable.mkv", moving + "-vf \"setpts='(N+mod(N,3)*0.4)*0.1/TB'\" -fps_mode passthrough " + h264, 3.0,
       8},
      {"steps.mp4",
       "-f lavfi -i "
       "\"color=black:size=160x90:rate=10:duration=2[a];color=white:size=160x90:rate=10:duration=2[b];"
       "[a][b]concat=n=2\" " +
           h264,
       2.0, 8},
      {"jump.mkv", moving + "-vf \"setpts='if(gte(N,10),PTS+7200/TB,PTS)'\" -fps_mode passthrough -c:v ffv1",
       5.0, 5},
      {"odd.mkv", moving + "-vf scale=63:35,setsar=1 -c:v ffv1 -pix_fmt yuv420p", 5.0, 14},
      {"ten.mkv", moving + "-c:v ffv1 -pix_fmt yuv420p10le", 2.0, 6},
      {"alpha.mkv", moving + "-c:v ffv1 -pix_fmt yuva420p", 2.0, 6},
      {"argb.mkv", moving + "-c:v png -pix_fmt rgba", 2.0, 6},
      {"grey.mkv", moving + "-c:v ffv1 -pix_fmt gray", 2.0, 6},
      {"wide.mkv", moving + "-aspect 32:9 -c:v ffv1 -pix_fmt yuv420p", 2.0, 6},
      {"fields.mkv", moving + "-vf interlace -c:v mpeg2video -q:v 2 -flags +ildct+ilme -top 1", 2.0, 5},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const std::string file = make(one.name, one.arguments);
    const Sampled a = by_ffmpeg(file, one.rate_hz), b = by_gstreamer(file, one.rate_hz);
    EXPECT_GE(a.size(), one.least);
    EXPECT_EQ(a, b);
  }
}

TEST_F(PicturesTest, BothRoadsSampleTheSameOfTurnedPicturesAndOfOnesThatChangeTheirSize) {
  const std::string h264 = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
  const std::string lying = make("lying.mp4", "-f lavfi -i testsrc2=size=64x36:rate=10:duration=2" + h264);
  const std::string turned = make("turned.mp4", "-i '" + lying + "' -c copy -metadata:s:v rotate=90");
  EXPECT_EQ(by_ffmpeg(turned, 2.0), by_gstreamer(turned, 2.0));
  const std::string small = make("a.ts", "-f lavfi -i testsrc2=size=64x36:rate=10:duration=2" + h264);
  const std::string large =
      make("b.ts", "-f lavfi -i testsrc2=size=322x182:rate=10:duration=2" + h264 + " -output_ts_offset 2");
  const std::string both = (folder.path() / "both.ts").string();
  ASSERT_EQ(std::system(("cat '" + small + "' '" + large + "' > '" + both + "'").c_str()), 0);
  EXPECT_EQ(by_ffmpeg(both, 2.0), by_gstreamer(both, 2.0));
}

TEST_F(PicturesTest, AnEncoderThatIsBehindLosesPicturesAndTheyAreCounted) {
  seeing->hold(true);
  supervisor.start(described("videotestsrc is-live=true pattern=snow ! capsfilter "
                             "caps=video/x-raw,width=64,height=36,framerate=15/1"),
                   feed);
  ASSERT_TRUE(seeing->wait_submitted(1));
  std::this_thread::sleep_for(2s);
  seeing->hold(false);
  ASSERT_TRUE(waits_for_tokens(*feed, 3)) << feed->log().status_text();
  std::uint32_t lost = 0;
  for (const auto& seen : feed->log().seen) lost += seen.lost;
  EXPECT_GE(lost, 4u);
}

TEST_F(PicturesTest, APictureThatCannotBeEncodedHasNoTokensAndTheStreamGoesOn) {
  seeing->fail_at(64);
  supervisor.start(
      fast(make("fails.mp4",
                "-f lavfi -i testsrc=size=64x36:rate=10:duration=2 -c:v libx264 -pix_fmt yuv420p")),
      feed);
  ASSERT_TRUE(waits_for_end(*feed)) << feed->log().status_text();
  const Log log = feed->log();
  EXPECT_EQ(log.seen.size(), 11u);  // ten, and the end
  for (const auto& seen : log.seen) EXPECT_EQ(seen.tokens, 0);
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
