// Sources that need no server.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/daemon/streams/streams_fixture.h"

namespace vedette::daemon::streams {
namespace {

struct SupervisorTest : StreamsTest {
  SupervisorTest()
      : folder(std::filesystem::temp_directory_path() / ("vedette-streams-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder);
  }
  ~SupervisorTest() override {
    supervisor.stop();
    std::filesystem::remove_all(folder);
  }

  // Writes a file with GStreamer; the description ends in an open pad.
  std::string make_file(const std::string& name, const std::string& description) const {
    const std::string path = (folder / name).string();
    GstElement* pipeline = gst_parse_launch((description + " ! filesink location=" + path).c_str(), nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    EXPECT_TRUE(message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) << description;
    if (message != nullptr) gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    return path;
  }
  settings::StreamSettings fast(const std::string& path) const {
    settings::StreamSettings file = stream("file://" + path);
    file.pace = settings::Pace::kFast;
    return file;
  }

  const std::filesystem::path folder;
};

TEST_F(SupervisorTest, ATestSourceGivesWindowsWithUtc) {
  supervisor.start(stream("test://"), feed);
  ASSERT_TRUE(waits_for_windows(*feed, 3)) << feed->log().status_text();
  supervisor.stop();
  const Log log = feed->log();
  EXPECT_TRUE(log.has_status(StreamState::kStarting, ""));
  const auto figures = supervisor.figures().at("gate");
  EXPECT_TRUE(figures->tried());
  EXPECT_GE(figures->counters().encoded, 3u);
  EXPECT_EQ(figures->counters().epochs, 1u);
  EXPECT_TRUE(log.has_status(StreamState::kRunning, "")) << log.status_text();
  EXPECT_EQ(log.statuses.back().state, StreamState::kStopped);
  ASSERT_FALSE(log.clocks.empty());
  EXPECT_EQ(log.clocks.front().source, base::ClockSource::kReceive);
  EXPECT_NEAR(static_cast<double>(log.clocks.front().utc_ms(log.heard[0].start.t)),
              static_cast<double>(base::utc_now_ms()), 60e3);
  EXPECT_GT(log.heard[0].frames, 0);
}

TEST_F(SupervisorTest, SettledSoundLeavesTheWindows) {
  feed->settle_all();
  supervisor.start(stream("test://tone"), feed);
  ASSERT_TRUE(
      feed->wait_for([](const Log& log) { return !log.heard.empty() && log.heard.back().start.t > 2s; }));
}

TEST_F(SupervisorTest, SilenceIsGatedAndTold) {
  settings::StreamSettings silent = stream("test://silence");
  silent.health.sound.silent_after = 1s;
  supervisor.start(silent, feed);
  EXPECT_TRUE(feed->wait_for([](const Log& log) {
    return std::any_of(log.health.begin(), log.health.end(), [](const auto& event) {
      return event.condition == signals::Condition::kSoundSilent && event.active;
    });
  }));
  ASSERT_TRUE(waits_for_windows(*feed, 2));
  supervisor.stop();
  for (const auto& heard : feed->log().heard) EXPECT_EQ(heard.frames, 0);
  EXPECT_TRUE(encoding->lengths().empty());
}

TEST_F(SupervisorTest, AFileIsReadWholeThenAgainInANewEpoch) {
  const std::string path = make_file(
      "tone.flac", "audiotestsrc samplesperbuffer=441 num-buffers=350 ! audio/x-raw,rate=44100 ! flacenc");
  settings::StreamSettings file = fast(path);
  file.utc_zero = 1'700'000'000s;
  supervisor.start(file, feed);
  ASSERT_TRUE(waits_for_windows(*feed, 1, 1)) << feed->log().status_text();
  supervisor.stop();
  const Log log = feed->log();
  EXPECT_TRUE(log.has_status(StreamState::kReconnecting, "eos")) << log.status_text();
  ASSERT_GE(log.heard.size(), 3u);
  EXPECT_EQ(log.heard[0].start, (base::MediaTime{0, 0ns}));
  EXPECT_NEAR(std::chrono::duration<double>(log.heard[0].length).count(), 3.5, 1e-3);
  EXPECT_GT(log.heard[0].frames, 0);
  EXPECT_TRUE(log.heard[1].last);
  EXPECT_EQ(log.heard[2].start, (base::MediaTime{1, 0ns}));
  ASSERT_FALSE(log.clocks.empty());
  EXPECT_EQ(log.clocks.front().source, base::ClockSource::kFile);
  EXPECT_EQ(log.clocks.front().utc_ms(1s), 1'700'000'001'000);
}

TEST_F(SupervisorTest, AFileWithPictureCanBePaced) {
  const std::string path =
      make_file("clip.mkv",
                "videotestsrc num-buffers=30 pattern=black ! video/x-raw,width=320,height=180,framerate=10/1 "
                "! x264enc key-int-max=10 ! mux. "
                "audiotestsrc num-buffers=130 ! audioconvert ! avenc_aac ! mux. matroskamux name=mux");
  settings::StreamSettings file = stream("file://" + path);
  file.health.picture.black_after = 500ms;
  supervisor.start(file, feed);
  ASSERT_TRUE(waits_for_windows(*feed, 3)) << feed->log().status_text();
  EXPECT_TRUE(feed->wait_for([](const Log& log) {
    return std::any_of(log.health.begin(), log.health.end(), [](const auto& event) {
      return event.condition == signals::Condition::kPictureBlack;
    });
  }));
}

TEST_F(SupervisorTest, ADescriptionIsASource) {
  settings::StreamSettings described = stream("");
  described.pipeline = "audiotestsrc is-live=true volume=0.5 ! audioconvert  videotestsrc is-live=true";
  supervisor.start(described, feed);
  EXPECT_TRUE(waits_for_windows(*feed, 2)) << feed->log().status_text();
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kRunning, ""));
}

TEST_F(SupervisorTest, ADescriptionMayFindItsPadsLater) {
  const std::string path =
      make_file("tone.ogg", "audiotestsrc num-buffers=130 ! audioconvert ! vorbisenc ! oggmux");
  settings::StreamSettings described = stream("");
  described.pipeline = "filesrc location=" + path + " ! decodebin";
  supervisor.start(described, feed);
  EXPECT_TRUE(waits_for_windows(*feed, 3)) << feed->log().status_text();
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kRunning, "no_video")) << feed->log().status_text();
}

struct BadSource {
  const char* name;
  const char* source;
  const char* reason;
};

struct BadSourceTest : StreamsTest, testing::WithParamInterface<BadSource> {};

TEST_P(BadSourceTest, IsTriedAgainWithItsReason) {
  supervisor.start(stream(GetParam().source), feed);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, GetParam().reason))
      << feed->log().status_text();
}

INSTANTIATE_TEST_SUITE_P(Sources, BadSourceTest,
                         testing::Values(BadSource{"MissingFile", "file:///nowhere/clip.mp4", "not_found"},
                                         BadSource{"UnknownTest", "test://rainbow", "source"},
                                         BadSource{"NoServer", "rtsp://127.0.0.1:1/live", "refused"}),
                         [](const auto& bad) { return std::string(bad.param.name); });

TEST_F(SupervisorTest, ADescriptionThatIsNoneSaysSo) {
  settings::StreamSettings described = stream("");
  described.pipeline = "audiotestsrc ! nosuchelement";
  supervisor.start(described, feed);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "source")) << feed->log().status_text();
}

TEST_F(SupervisorTest, GarbageIsNoMedia) {
  const std::string path = (folder / "garbage.mp4").string();
  std::ofstream out(path, std::ios::binary);
  for (unsigned i = 0, x = 1; i < 100000; ++i)
    out.put(static_cast<char>((x = x * 1664525 + 1013904223) >> 24));
  out.close();
  supervisor.start(fast(path), feed);
  EXPECT_TRUE(feed->wait_for([](const Log& log) {
    return log.has_status(StreamState::kReconnecting, "unsupported") ||
           log.has_status(StreamState::kReconnecting, "decode");
  })) << feed->log().status_text();
}

TEST_F(SupervisorTest, ACorruptBitstreamCostsNoOtherStreamAnything) {
  const std::string path =
      make_file("corrupt.mkv",
                "videotestsrc num-buffers=60 ! video/x-raw,width=320,height=180,framerate=10/1 ! x264enc "
                "key-int-max=10 ! mux. "
                "audiotestsrc num-buffers=260 ! audioconvert ! avenc_aac ! mux. matroskamux name=mux");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  unsigned x = 7;
  for (std::streamoff at = size / 4; at < size; at += 37) {  // every 37th byte of the later part
    file.seekp(at);
    file.put(static_cast<char>((x = x * 1664525 + 1013904223) >> 24));
  }
  file.close();
  auto bad = std::make_shared<RecordingFeed>();
  supervisor.start(stream("test://tone"), feed);
  settings::StreamSettings corrupt = fast(path);
  corrupt.id = "bad";
  supervisor.start(corrupt, bad);
  EXPECT_TRUE(bad->wait_for([](const Log& log) {
    return std::any_of(log.statuses.begin(), log.statuses.end(),
                       [](const auto& status) { return status.state == StreamState::kReconnecting; });
  }));
  const std::size_t heard = feed->log().heard.size();
  EXPECT_TRUE(waits_for_windows(*feed, heard + 2));
  EXPECT_FALSE(feed->log().has_status(StreamState::kReconnecting, "decode"));
}

TEST_F(SupervisorTest, AFailingModelIsSaidToBeOne) {
  encoding->fail_at(16000);
  supervisor.start(stream("test://tone"), feed);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "model")) << feed->log().status_text();
}

TEST_F(SupervisorTest, StartedAndStoppedManyTimes) {
  for (int turn = 0; turn < 10; ++turn) {
    supervisor.start(stream("test://", "a"), feed);
    supervisor.start(stream("test://tone", "b"), feed);
    if (turn % 2 == 0) {
      ASSERT_TRUE(waits_for_windows(*feed, feed->log().heard.size() + 1));
    }
    supervisor.stop();
  }
  EXPECT_EQ(feed->log().statuses.back().state, StreamState::kStopped);
}

// As a sound card's plugin that waits for a server which does not answer.
TEST_F(SupervisorTest, WhatDoesNotStopIsLeftBehindAndTheOthersStop) {
  settings::StreamSettings stuck = stream("", "stuck");
  stuck.pipeline =
      "audiotestsrc is-live=true ! identity sleep-time=60000000";  // us in its thread, each buffer
  auto beside = std::make_shared<RecordingFeed>();
  supervisor.start(stuck, feed);
  supervisor.start(stream("test://tone", "beside"), beside);
  ASSERT_TRUE(waits_for_windows(*beside, 1));
  const auto figures = supervisor.figures().at("stuck");
  const auto began = std::chrono::steady_clock::now();
  supervisor.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
  EXPECT_EQ(beside->log().statuses.back().reason, "");
  EXPECT_EQ(feed->log().statuses.back().state, StreamState::kStopped);
  EXPECT_EQ(feed->log().statuses.back().reason, "stuck");
  EXPECT_EQ(feed.use_count(), 1);

  supervisor.start(stream("test://tone", "stuck"), feed);
  EXPECT_TRUE(waits_for_windows(*feed, 1)) << feed->log().status_text();
  EXPECT_NE(supervisor.figures().at("stuck"), figures) << "those are still written by what was left behind";
}

}  // namespace
}  // namespace vedette::daemon::streams
