// Real RTSP on loopback: what the supervisor makes of good and bad servers.
#include "tests/daemon/streams/streams_fixture.h"
#include "tests/support/rtsp_server.h"

namespace vedette::daemon::streams {
namespace {

using tests::RtspServer;

struct RtspTest : StreamsTest {};

void expect_seamless(const Log& log) {
  for (std::size_t i = 1; i < log.heard.size(); ++i) {
    const auto& before = log.heard[i - 1];
    const auto& now = log.heard[i];
    if (now.start.epoch != before.start.epoch) continue;
    EXPECT_GE(now.start.t, before.start.t);
    EXPECT_LE(now.start.t, before.start.t + before.length) << "sound is missing between two windows";
  }
}

TEST_F(RtspTest, SoundAndPictureOverTcp) {
  RtspServer server(tests::h264(0) + tests::aac(1));
  supervisor.start(stream(server.url()), feed);
  ASSERT_TRUE(waits_for_windows(*feed, 4)) << feed->log().status_text();
  const bool camera_time = feed->wait_for([](const Log& log) {
    return !log.clocks.empty() && log.clocks.back().source == base::ClockSource::kRtcp;
  });
  supervisor.stop();
  const Log log = feed->log();
  EXPECT_TRUE(camera_time) << "no sender report was understood";
  EXPECT_TRUE(log.has_status(StreamState::kRunning, "")) << log.status_text();
  expect_seamless(log);
  EXPECT_NEAR(log.heard[0].level_dbfs, -13.5, 2.0);
  const auto& newest = log.heard.back();
  const std::int64_t end_ms = log.clocks.back().utc_ms(newest.start.t + newest.length);
  EXPECT_LT(std::abs(static_cast<double>(base::utc_now_ms() - end_ms)), 10e3);
}

TEST_F(RtspTest, SoundAndPictureOverUdp) {
  RtspServer server(tests::h264(0) + tests::aac(1));
  settings::StreamSettings udp = stream(server.url());
  udp.transport = settings::Transport::kUdp;
  supervisor.start(udp, feed);
  EXPECT_TRUE(waits_for_windows(*feed, 3)) << feed->log().status_text();
  supervisor.stop();
  expect_seamless(feed->log());
}

struct TransportCase {
  const char* name;
  settings::Transport transport;
  const char* only;  // what the server takes
  bool works;
};

struct TransportTest : RtspTest, testing::WithParamInterface<TransportCase> {};

TEST_P(TransportTest, IsTakenOrRefused) {
  RtspServer server(tests::aac(0), {"--only", GetParam().only});
  settings::StreamSettings camera = stream(server.url());
  camera.transport = GetParam().transport;
  camera.stalled_after = 20s;  // time to change over
  supervisor.start(camera, feed);
  if (GetParam().works) {
    EXPECT_TRUE(waits_for_windows(*feed, 2)) << feed->log().status_text();
    EXPECT_FALSE(feed->log().has_status(StreamState::kReconnecting, "transport"))
        << feed->log().status_text();
  } else {
    EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "transport"))
        << feed->log().status_text();
    EXPECT_TRUE(feed->log().heard.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Transports, TransportTest,
    testing::Values(TransportCase{"AutoOverTcp", settings::Transport::kAuto, "tcp", true},
                    TransportCase{"AutoOverUdp", settings::Transport::kAuto, "udp", true},
                    TransportCase{"TcpRefused", settings::Transport::kTcp, "udp", false},
                    TransportCase{"UdpRefused", settings::Transport::kUdp, "tcp", false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_F(RtspTest, SoundOnly) {
  RtspServer server(tests::aac(0));
  supervisor.start(stream(server.url()), feed);
  EXPECT_TRUE(waits_for_windows(*feed, 2)) << feed->log().status_text();
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kRunning, "no_video"));
}

TEST_F(RtspTest, PictureOnlyIsWatchedAllTheSame) {
  RtspServer server(tests::h264(0, "black"));
  settings::StreamSettings silent = stream(server.url());
  silent.health.picture.black_after = 1s;
  silent.health.sound.absent_after = 1s;
  supervisor.start(silent, feed);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kRunning, "no_audio")) << feed->log().status_text();
  const auto told = [this](signals::Condition condition) {
    return feed->wait_for([&](const Log& log) {
      return std::any_of(log.health.begin(), log.health.end(),
                         [&](const auto& event) { return event.condition == condition && event.active; });
    });
  };
  EXPECT_TRUE(told(signals::Condition::kPictureBlack));
  EXPECT_TRUE(told(signals::Condition::kSoundAbsent));
  EXPECT_TRUE(feed->log().heard.empty());
}

TEST_F(RtspTest, AServerThatDiesIsMetAgainInANewEpoch) {
  RtspServer server(tests::aac(0));
  supervisor.start(stream(server.url()), feed);
  ASSERT_TRUE(waits_for_windows(*feed, 2)) << feed->log().status_text();
  server.kill();
  ASSERT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "refused")) << feed->log().status_text();
  const Log dead = feed->log();
  EXPECT_GT(dead.statuses.back().next_try_ms, 0);
  EXPECT_TRUE(dead.heard.back().last) << "what was under way is still heard";
  server.start();
  ASSERT_TRUE(waits_for_windows(*feed, 1, dead.heard.back().start.epoch + 1)) << feed->log().status_text();
  supervisor.stop();
  const Log log = feed->log();
  const auto& revived = log.heard.back();
  EXPECT_TRUE(std::any_of(log.clocks.begin(), log.clocks.end(),
                          [&](const auto& clock) { return clock.epoch == revived.start.epoch; }));
}

struct AuthTest : RtspTest, testing::WithParamInterface<const char*> {};

TEST_P(AuthTest, AWrongPasswordIsSaidAndTheRightOneWorks) {
  RtspServer server(tests::aac(0), {GetParam(), "guard:secret"});
  supervisor.start(stream(server.url("guard:wrong")), feed);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "auth")) << feed->log().status_text();
  auto welcome = std::make_shared<RecordingFeed>();
  supervisor.start(stream(server.url("guard:secret"), "door"), welcome);
  EXPECT_TRUE(waits_for_windows(*welcome, 1)) << welcome->log().status_text();
  EXPECT_TRUE(feed->log().heard.empty());
}

INSTANTIATE_TEST_SUITE_P(Methods, AuthTest, testing::Values("--basic", "--digest"),
                         [](const auto& method) { return std::string(method.param).substr(2); });

TEST_F(RtspTest, AServerThatFallsSilentIsStalled) {
  RtspServer server(tests::aac(0));
  supervisor.start(stream(server.url()), feed);
  ASSERT_TRUE(waits_for_windows(*feed, 1)) << feed->log().status_text();
  server.pause();
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kStalled, "no_data")) << feed->log().status_text();
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "stalled")) << feed->log().status_text();
  server.resume();
  EXPECT_TRUE(waits_for_windows(*feed, 1, 1)) << feed->log().status_text();
}

TEST_F(RtspTest, WhatIsNotThereIsNamed) {
  RtspServer server(tests::aac(0));
  supervisor.start(stream(server.url() + "/nothing"), feed);
  auto nowhere = std::make_shared<RecordingFeed>();
  supervisor.start(stream("rtsp://no-such-host.invalid/live", "nowhere"), nowhere);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "not_found")) << feed->log().status_text();
  EXPECT_TRUE(waits_for_status(*nowhere, StreamState::kReconnecting, "dns")) << nowhere->log().status_text();
}

TEST_F(RtspTest, OneBadStreamCostsTheOthersNothing) {
  RtspServer server(tests::aac(0));
  auto bad = std::make_shared<RecordingFeed>();
  supervisor.start(stream("rtsp://127.0.0.1:1/live", "bad"), bad);
  supervisor.start(stream(server.url()), feed);
  ASSERT_TRUE(waits_for_windows(*feed, 4)) << feed->log().status_text();
  EXPECT_TRUE(waits_for_status(*bad, StreamState::kReconnecting, "refused"));
  supervisor.stop({"bad"});
  EXPECT_EQ(bad->log().statuses.back().state, StreamState::kStopped);
  const std::size_t heard = feed->log().heard.size();
  EXPECT_TRUE(waits_for_windows(*feed, heard + 1)) << "the other goes on";
  const Log log = feed->log();
  EXPECT_FALSE(std::any_of(log.statuses.begin(), log.statuses.end(),
                           [](const auto& status) { return status.state == StreamState::kReconnecting; }));
}

}  // namespace
}  // namespace vedette::daemon::streams
