// The plain parts: why a connection ended, UTC, waits between attempts.
#include <gtest/gtest.h>

#include <vector>

#include "daemon/streams/backoff.h"
#include "daemon/streams/failure.h"
#include "daemon/streams/sender_clock.h"
#include "daemon/streams/stream_clock.h"
#include "daemon/streams/stream_figures.h"

namespace vedette::daemon::streams {
namespace {

using namespace std::chrono_literals;

Failure classified(GQuark domain, int code, const char* message, const char* debug,
                   const char* factory = "rtspsrc") {
  GError* error = g_error_new_literal(domain, code, message);
  const Failure failure = classify(*error, debug, factory);
  g_error_free(error);
  return failure;
}

TEST(StreamFigures, CountOverAllConnections) {
  StreamFigures figures;
  EXPECT_FALSE(figures.tried());
  figures.set_running({.encoded = 2, .superseded = 1});
  figures.set_running({.encoded = 5, .superseded = 1});  // the same connection, later
  EXPECT_EQ(figures.counters().encoded, 5u);
  figures.end_connection();
  figures.set_running({.encoded = 1, .flushed = 3});
  EXPECT_EQ(figures.counters().encoded, 6u);
  EXPECT_EQ(figures.counters().superseded, 1u);
  EXPECT_EQ(figures.counters().flushed, 3u);
  figures.set_tried();
  EXPECT_TRUE(figures.tried());
}

TEST(FailureTest, ErrorsBecomeWords) {
  const GQuark resource = gst_resource_error_quark(), media = gst_stream_error_quark();
  EXPECT_EQ(classified(resource, GST_RESOURCE_ERROR_NOT_AUTHORIZED, "Unauthorized", "").reason, "auth");
  EXPECT_EQ(classified(resource, GST_RESOURCE_ERROR_NOT_FOUND, "Not found", "").reason, "not_found");
  EXPECT_EQ(classified(resource, GST_RESOURCE_ERROR_READ, "Could not read",
                       "Could not receive any UDP packets for 5.0 seconds")
                .reason,
            "timeout");
  EXPECT_EQ(classified(resource, GST_RESOURCE_ERROR_OPEN_READ, "No", "Connection refused").reason, "refused");
  EXPECT_EQ(classified(media, GST_STREAM_ERROR_DECODE, "bad", "").reason, "decode");
  EXPECT_EQ(classified(media, GST_STREAM_ERROR_CODEC_NOT_FOUND, "no", "").reason, "unsupported");
  EXPECT_EQ(classified(gst_core_error_quark(), GST_CORE_ERROR_MISSING_PLUGIN, "no", "").reason,
            "unsupported");
  EXPECT_EQ(
      classified(gst_library_error_quark(), GST_LIBRARY_ERROR_FAILED, "no", "", "vedaudioencoder").reason,
      "model");
  EXPECT_EQ(classified(resource, GST_RESOURCE_ERROR_OPEN_READ, "No", "whatever").reason, "source");
}

TEST(FailureTest, PasswordsStayOut) {
  const Failure failure = classified(gst_resource_error_quark(), GST_RESOURCE_ERROR_OPEN_READ,
                                     "cannot open rtsp://guard:secret@cam/1", "");
  EXPECT_EQ(failure.detail.find("secret"), std::string::npos) << failure.detail;
}

// A sender report of 28 bytes whose NTP time is this.
std::vector<std::uint8_t> sender_report(std::uint32_t seconds, std::uint32_t fraction) {
  std::vector<std::uint8_t> packet = {0x80, 200, 0, 6, 0, 0, 0, 1};
  for (const std::uint32_t word : {seconds, fraction}) {
    for (int shift = 24; shift >= 0; shift -= 8) packet.push_back(static_cast<std::uint8_t>(word >> shift));
  }
  packet.resize(28);
  return packet;
}

TEST(SenderReportTest, GivesUtc) {
  const auto report = sender_report(2'208'988'800U + 1'700'000'000U, 0x80000000U);
  EXPECT_EQ(utc_of_sender_report(report), 1'700'000'000s + 500ms);
  std::vector<std::uint8_t> compound = {0x80, 201, 0, 1, 0, 0, 0, 1};  // a receiver report before it
  compound.insert(compound.end(), report.begin(), report.end());
  EXPECT_EQ(utc_of_sender_report(compound), 1'700'000'000s + 500ms);
}

TEST(SenderReportTest, NothingComesOfWhatIsNone) {
  auto report = sender_report(1, 1);
  for (std::size_t size = 0; size < report.size(); ++size) {
    EXPECT_EQ(utc_of_sender_report(std::vector<std::uint8_t>(
                  report.begin(), report.begin() + static_cast<std::ptrdiff_t>(size))),
              std::nullopt);
  }
  EXPECT_EQ(utc_of_sender_report(sender_report(0, 0)), std::nullopt) << "a camera without a clock";
  report[0] = 0;
  EXPECT_EQ(utc_of_sender_report(report), std::nullopt);
}

TEST(StreamClockTest, TheMostTrustedWins) {
  StreamClock clock;
  EXPECT_FALSE(clock.changed(0));
  clock.sample(1000s, 10s);
  auto map = clock.changed(3);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->epoch, 3u);
  EXPECT_EQ(map->utc_zero, 990s);
  EXPECT_EQ(map->source, base::ClockSource::kReceive);
  EXPECT_EQ(map->error, 500ms);
  clock.sample(1010s + 100us, 20s);
  EXPECT_FALSE(clock.changed(3)) << "not worth telling";
  EXPECT_FALSE(clock.set_sender_zero(0, 970s)) << "a camera that is 20 s off";
  EXPECT_TRUE(clock.set_sender_zero(0, 989s));
  map = clock.changed(3);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->source, base::ClockSource::kRtcp);
  EXPECT_EQ(map->utc(2s), 991s);
  clock.sample(1095s, 100s);
  EXPECT_FALSE(clock.changed(3)) << "receipt knows less than the camera";
}

// Sound and picture of one camera: the picture's reports lie 120 ms later, so its media are delayed by that.
TEST(StreamClockTest, NothingHappensBeforeItsTimeWhereSendersAreAligned) {
  StreamClock clock;
  clock.sample(1000s, 10s);
  EXPECT_TRUE(clock.set_sender_zero(0, 989s + 120ms));
  EXPECT_EQ(clock.map(0).utc_zero, 989s + 120ms);
  EXPECT_TRUE(clock.set_sender_zero(1, 989s));
  EXPECT_EQ(clock.map(0).utc_zero, 989s);
  EXPECT_TRUE(clock.set_sender_zero(0, 989s + 121ms));
  EXPECT_EQ(clock.map(0).utc_zero, 989s);
  EXPECT_EQ(clock.map(0).error, 100ms);
}

TEST(StreamClockTest, NothingIsReceivedBeforeItWasTaken) {
  StreamClock clock;
  clock.sample(1000s, 10s);
  EXPECT_TRUE(clock.set_sender_zero(0, 990s + 80ms)) << "a camera whose clock is 80 ms ahead, at least";
  EXPECT_EQ(clock.map(0).utc_zero, 990s);
  EXPECT_EQ(clock.map(0).error, 180ms);
  EXPECT_EQ(clock.map(0).source, base::ClockSource::kRtcp);
  // The picture is delayed by 30 ms to be in step with the sound, and was not taken later than it came
  // either.
  EXPECT_TRUE(clock.set_sender_zero(1, 990s + 50ms));
  EXPECT_EQ(clock.map(0).utc_zero + 30ms, 990s);
  EXPECT_EQ(clock.map(0).error, 180ms);
  ASSERT_TRUE(clock.changed(0));
  clock.sample(1010s + 20ms, 20s);  // our clock was set
  ASSERT_TRUE(clock.changed(0));
  EXPECT_EQ(clock.map(0).utc_zero + 30ms, 990s + 20ms);
  EXPECT_EQ(clock.map(0).error, 160ms);
}

TEST(StreamClockTest, AClockThatIsFarAheadTellsNoMoreThanReceipt) {
  StreamClock clock;
  EXPECT_TRUE(clock.set_sender_zero(0, 995s)) << "before the first sample nothing speaks against it";
  EXPECT_EQ(clock.map(0).utc_zero, 995s);
  clock.sample(1000s, 10s);
  EXPECT_EQ(clock.map(0).utc_zero, 990s);
  EXPECT_EQ(clock.map(0).error, 500ms);
  EXPECT_EQ(clock.map(0).source, base::ClockSource::kReceive);
  EXPECT_TRUE(clock.set_sender_zero(0, 989s)) << "it was set right";
  EXPECT_EQ(clock.map(0).utc_zero, 989s);
  EXPECT_EQ(clock.map(0).error, 100ms);
  EXPECT_EQ(clock.map(0).source, base::ClockSource::kRtcp);
  clock.sample(1300s, 20s);
  EXPECT_EQ(clock.map(0).utc_zero, 1280s)
      << "our clock was set by minutes: the camera's is not believed any more";
  EXPECT_EQ(clock.map(0).source, base::ClockSource::kReceive);
}

TEST(BackoffTest, DoublesToTheLongestWithJitter) {
  Backoff backoff(1s, 30s, 7);
  std::chrono::nanoseconds full = 1s;
  for (int i = 0; i < 10; ++i) {
    const auto wait = backoff.next();
    EXPECT_GE(wait, full / 2 - 1ms);
    EXPECT_LE(wait, full);
    full = std::min<std::chrono::nanoseconds>(full * 2, 30s);
  }
  backoff.succeeded();
  EXPECT_LE(backoff.next(), 1s);
}

}  // namespace
}  // namespace vedette::daemon::streams
