#include "daemon/streams/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_audio_encoding.h"
#include "tests/support/recording_feed.h"

namespace vedette::daemon::streams {
namespace {

using namespace std::chrono_literals;
using test::RecordingFeed;

struct SupervisorTest : testing::Test {
  std::shared_ptr<test::FakeAudioEncoding> encoding = std::make_shared<test::FakeAudioEncoding>();
  std::shared_ptr<RecordingFeed> feed = std::make_shared<RecordingFeed>();
  Supervisor supervisor{gst::RuntimeHandle{encoding}};

  static settings::StreamSettings stream(const std::string& source) {
    settings::StreamSettings stream;
    stream.id = "gate";
    stream.source = source;
    stream.retry_first = 50ms;
    stream.retry_longest = 200ms;
    return stream;
  }
};

TEST_F(SupervisorTest, ATestSourceGivesWindowsWithUtc) {
  supervisor.start(stream("test://"), feed);
  ASSERT_TRUE(feed->wait_for([](const auto& log) { return log.heard.size() >= 3; }))
      << feed->log().status_text();
  supervisor.stop();
  const RecordingFeed::Log log = feed->log();
  EXPECT_TRUE(log.has_status(StreamState::kStarting, ""));
  EXPECT_TRUE(log.has_status(StreamState::kRunning, "")) << log.status_text();
  EXPECT_EQ(log.statuses.back().state, StreamState::kStopped);
  ASSERT_FALSE(log.clocks.empty());
  EXPECT_EQ(log.clocks.front().source, base::ClockSource::kReceive);
  EXPECT_NEAR(static_cast<double>(log.clocks.front().utc_ms(log.heard[0].start.t)),
              static_cast<double>(base::utc_now_ms()), 60e3);
  EXPECT_GT(log.heard[0].frames, 0);
}

}  // namespace
}  // namespace vedette::daemon::streams
