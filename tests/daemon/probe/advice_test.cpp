#include "daemon/probe/advice.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "daemon/probe/describe.h"

namespace vedette::daemon::probe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A camera's sub-stream that nothing is wrong with.
ProbeReport good() {
  ProbeReport report;
  report.source = "rtsp://guard:***@10.0.0.7/stream2";
  report.transport = "tcp";
  report.connect_ms = 0.4;
  report.options_ms = 0.8;
  report.looked_s = 5;
  report.picture =
      PictureReport{"H.264", "high, level 3", 640, 360, 25.0, 24.9, 500e3, false, 2.0, 2.0, 0.02};
  report.sound = SoundReport{"AAC", 16000, 1, 32e3, -30.0};
  report.clock = ClockReport{base::ClockSource::kRtcp, 0.1, -0.02};
  report.packets = 1000;
  return report;
}

std::vector<std::string> codes(const ProbeReport& report, const settings::StreamSettings& stream = {}) {
  std::vector<std::string> found;
  for (const Advice& advice : advise(report, stream)) found.push_back(advice.code);
  return found;
}

TEST(AdviceTest, AGoodSubStreamNeedsNone) {
  EXPECT_THAT(codes(good()), IsEmpty());
}

TEST(AdviceTest, AMainStreamIsTooMuch) {
  ProbeReport report = good();
  report.picture->width = 1920;
  report.picture->height = 1080;
  report.picture->measured_hz = report.picture->announced_hz = 30.0;
  report.picture->decode_share = 0.36;
  const auto advice = advise(report, {});
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_EQ(advice[0].code, "sub_stream");
  EXPECT_EQ(
      advice[0].text,
      "use the sub-stream: 1920x1080 at 30 is decoded only to be looked at 5 times a second and seen by the "
      "model once a second, and costs 36 % of a core here; 640x360 would cost about 4 %");
  settings::StreamSettings key_frames;
  key_frames.video_key_frames = true;  // then it is not decoded
  EXPECT_THAT(codes(report, key_frames), IsEmpty());
}

TEST(AdviceTest, ASmallPictureThatCostsMuchIsToldToo) {
  ProbeReport report = good();
  report.picture->decode_share = 0.5;
  EXPECT_THAT(codes(report), ElementsAre("sub_stream"));
}

TEST(AdviceTest, KeyFramesFarApart) {
  ProbeReport report = good();
  report.picture->key_frames_s = report.picture->longest_key_frames_s = 10;
  ASSERT_THAT(codes(report), ElementsAre("key_frames"));
  EXPECT_THAT(advise(report, {})[0].text, HasSubstr("10 s apart"));
  report.picture->key_frames_s = report.picture->longest_key_frames_s = std::nullopt;
  report.looked_s = 10;
  ASSERT_THAT(codes(report), ElementsAre("key_frames"));
  EXPECT_THAT(advise(report, {})[0].text, HasSubstr("no two key frames came in 10 s"));
  report.looked_s = 3;  // too short a look to say
  EXPECT_THAT(codes(report), IsEmpty());
  report.looked_s = 10;
  report.picture->all_key_frames = true;
  EXPECT_THAT(codes(report), IsEmpty());
}

TEST(AdviceTest, AFileIsAsItIs) {
  ProbeReport report = good();
  report.transport = "";
  report.picture->width = 3840;
  report.picture->longest_key_frames_s = 10;
  report.clock = ClockReport{base::ClockSource::kFile, 0, std::nullopt};
  EXPECT_THAT(codes(report), IsEmpty());
}

TEST(AdviceTest, WhatIsMissingMattersWhereItIsWanted) {
  ProbeReport report = good();
  report.sound.reset();
  EXPECT_THAT(codes(report), ElementsAre("no_sound"));
  settings::StreamSettings deaf;
  deaf.sound = false;
  EXPECT_THAT(codes(report, deaf), IsEmpty());
  report = good();
  report.picture.reset();
  EXPECT_THAT(codes(report), ElementsAre("no_picture"));
  settings::StreamSettings blind;
  blind.video = false;
  EXPECT_THAT(codes(report, blind), IsEmpty());
}

TEST(AdviceTest, RatesThatAreNotWhatTheySay) {
  ProbeReport report = good();
  report.picture->measured_hz = 12.5;
  ASSERT_THAT(codes(report), ElementsAre("rate_differs"));
  EXPECT_THAT(advise(report, {})[0].text, HasSubstr("announces 25 pictures a second and sends 12.5"));
  report.picture->announced_hz.reset();
  EXPECT_THAT(codes(report), IsEmpty());
  report.picture->measured_hz = 2.0;
  EXPECT_THAT(codes(report), ElementsAre("low_rate"));
}

TEST(AdviceTest, SoundThatSaysLittle) {
  ProbeReport report = good();
  report.sound->level_dbfs = -91;
  report.sound->rate_hz = 8000;
  EXPECT_THAT(codes(report), ElementsAre("silent", "telephone_sound"));
}

TEST(AdviceTest, Clocks) {
  ProbeReport report = good();
  report.clock->ahead_s.reset();
  EXPECT_THAT(codes(report), ElementsAre("no_sender_reports"));
  report.clock->ahead_s = -37;
  ASSERT_THAT(codes(report), ElementsAre("clock_off"));
  EXPECT_THAT(advise(report, {})[0].text, HasSubstr("37 s behind ours, and is not believed"));
  report.clock->ahead_s = 2;
  EXPECT_THAT(advise(report, {})[0].text, HasSubstr("2.0 s ahead of ours"));
  report.transport = "";  // a file has no sender
  report.clock->ahead_s.reset();
  EXPECT_THAT(codes(report), IsEmpty());
}

TEST(AdviceTest, ABadWay) {
  ProbeReport report = good();
  report.options_ms = 400;
  report.packets_lost = 50;
  EXPECT_THAT(codes(report), ElementsAre("far", "loss"));
}

TEST(AdviceTest, EveryReasonOfAFailureHasARemedyAndNoAdvice) {
  for (const char* reason :
       {"auth", "tls", "permission", "busy", "refused", "not_found", "timeout", "dns", "transport",
        "unreachable", "closed", "eos", "stalled", "no_media", "decode", "unsupported", "source"}) {
    EXPECT_NE(remedy(reason), "") << reason;
  }
  EXPECT_EQ(remedy("stopped"), "");
  ProbeReport report = good();
  report.failure = {"auth", "Unauthorized"};
  EXPECT_THAT(advise(report, {}), IsEmpty());
}

TEST(DescribeTest, TextAndJsonSayTheSame) {
  ProbeReport report = good();
  const std::string text = to_text(report, {{"silent", "the sound is silent"}});
  EXPECT_THAT(text, HasSubstr("rtsp://guard:***@10.0.0.7/stream2: works\n"));
  EXPECT_THAT(
      text,
      HasSubstr("  picture  H.264 (high, level 3), 640x360, 24.9 a second (announced: 25), 500 kbit/s, key "
                "frames 2 s apart, decoding takes 2 % of a core\n"));
  EXPECT_THAT(text, HasSubstr("  sound    AAC, 16000 Hz, 1 channel, 32 kbit/s, -30 dBFS\n"));
  EXPECT_THAT(text, HasSubstr("  clock    rtcp, within 0.1 s (sender reports, 0.02 s behind ours)\n"));
  EXPECT_THAT(text, HasSubstr("  way      transport tcp, connected in 0.4 ms, OPTIONS answered in 0.8 ms\n"));
  EXPECT_THAT(text, HasSubstr("  advice   the sound is silent\n"));
  const auto json = nlohmann::json::parse(to_json(report, {{"silent", "the sound is silent"}}));
  EXPECT_TRUE(json["ok"].get<bool>());
  EXPECT_EQ(json["picture"]["codec"], "H.264");
  EXPECT_EQ(json["picture"]["key_frames_s"], 2.0);
  EXPECT_EQ(json["clock"]["source"], "rtcp");
  EXPECT_EQ(json["advice"][0]["code"], "silent");
  EXPECT_EQ(summary(report), "H.264 640x360 at 24.9, AAC 16000 Hz, clock rtcp");
}

TEST(DescribeTest, AFailureSaysWhyAndWhatToDo) {
  ProbeReport report;
  report.source = "rtsp://10.0.0.7/";
  report.failure = {"refused", "Could not connect: Connection refused"};
  EXPECT_THAT(to_text(report, {}),
              HasSubstr("rtsp://10.0.0.7/: refused\n  why      Could not connect: Connection refused\n"));
  EXPECT_THAT(to_text(report, {}), HasSubstr("  do       nothing listens there"));
  const auto json = nlohmann::json::parse(to_json(report, {}));
  EXPECT_FALSE(json["ok"].get<bool>());
  EXPECT_EQ(json["reason"], "refused");
}

}  // namespace
}  // namespace vedette::daemon::probe
