#include "daemon/settings/source_url.h"

#include <gmock/gmock.h>

#include "tests/support/thrown_message.h"

namespace vedette::daemon::settings {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Good {
  const char* url;
  SourceKind kind;
};
struct GoodUrl : testing::TestWithParam<Good> {};

TEST_P(GoodUrl, IsTaken) {
  EXPECT_EQ(parse_source_url(GetParam().url).kind, GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(
    Sources, GoodUrl,
    testing::Values(
        Good{"rtsp://user:p@ss@cam:554/a?b=c", SourceKind::kRtsp},
        Good{"rtsps://[fe80::1]/a", SourceKind::kRtsp}, Good{"rtsps://[::1]:322/a", SourceKind::kRtsp},
        Good{"srt://10.0.0.7:9000", SourceKind::kSrt}, Good{"srt://:9000?mode=listener", SourceKind::kSrt},
        Good{"srt://h:9000?latency=200&passphrase=0123456789&pbkeylen=32&streamid=%23!::r=x",
             SourceKind::kSrt},
        Good{"rtmp://u:p@h/live/cam", SourceKind::kRtmp}, Good{"rtmps://h:443/live/a/b", SourceKind::kRtmp},
        Good{"http://h/live.m3u8", SourceKind::kHls},
        Good{"https://u:p@h:8443/a/b.m3u8?token=x", SourceKind::kHls},
        Good{"file:///clip.mp4", SourceKind::kFile}, Good{"v4l2:///dev/video0", SourceKind::kV4l2},
        Good{"alsa://hw:1,0", SourceKind::kAlsa}, Good{"pulse://", SourceKind::kPulse},
        Good{"pulse://null.monitor", SourceKind::kPulse}, Good{"pipewire://", SourceKind::kPipeWire},
        Good{"pipewire://camera?media=video", SourceKind::kPipeWire}, Good{"test://", SourceKind::kTest}));

struct Bad {
  const char* url;
  const char* why;
};
struct BadUrl : testing::TestWithParam<Bad> {};

TEST_P(BadUrl, IsRefusedWithWhatWasExpected) {
  const std::string why = test::thrown_message([] { parse_source_url(GetParam().url); });
  EXPECT_THAT(why, HasSubstr(GetParam().why));
  EXPECT_THAT(why, Not(HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(
    Sources, BadUrl,
    testing::Values(Bad{"", "expected one of rtsp://"}, Bad{"gate", "expected one of rtsp://"},
                    Bad{"rtm://h/a/b", "did you mean rtmp://?"}, Bad{"rtsp://", "expected rtsp://HOST"},
                    Bad{"rtsp://u:hunter2@/a", "expected rtsp://HOST"},
                    Bad{"rtsp://h:0/", "a port from 1 to 65535"},
                    Bad{"rtsp://u:hunter2@h:x/", "a port from 1 to 65535, received \"rtsp://u:***@h:x/\""},
                    Bad{"srt://h", "expected srt://HOST:PORT"}, Bad{"srt://:9000", "expected srt://HOST"},
                    Bad{"srt://h:1?mode=rendezvous", "mode=caller or mode=listener"},
                    Bad{"srt://h:1?latency=1s", "latency in milliseconds"},
                    Bad{"srt://h:1?passphrase=hunter2", "a passphrase of 10 to 79 bytes, received 7"},
                    Bad{"srt://h:1?passphrase=%68unter2%68unter2&pbkeylen=5", "pbkeylen=16, 24 or 32"},
                    Bad{"srt://h:1?passphrse=hunter2", "did you mean passphrase?"},
                    Bad{"rtmp://h/live", "expected rtmp://HOST/APPLICATION/STREAM"},
                    Bad{"rtmps://h", "expected rtmps://HOST/APPLICATION/STREAM"},
                    Bad{"rtmp://h//x", "APPLICATION"}, Bad{"http://h/clip.mp4", "ends in .m3u8"},
                    Bad{"https://h?x=.m3u8", "ends in .m3u8"}, Bad{"v4l2://video0", "v4l2:///dev/video0"},
                    Bad{"v4l2:///dev/", "v4l2:///dev/video0"}, Bad{"alsa://", "alsa://hw:1,0"},
                    Bad{"pipewire://x?media=both", "media=audio, media=video or media=monitor"},
                    Bad{"pipewire://x?medium=video", "did you mean media?"}));

TEST(SourceUrl, TellsDevicesApart) {
  EXPECT_TRUE(parse_source_url("v4l2:///dev/video0").is_picture_device());
  EXPECT_TRUE(parse_source_url("pipewire://x?media=video").is_picture_device());
  EXPECT_TRUE(parse_source_url("pipewire://x").is_sound_device());
  EXPECT_TRUE(parse_source_url("pipewire://x?media=monitor").is_sound_device());
  EXPECT_TRUE(parse_source_url("pulse://x").is_sound_device());
  EXPECT_FALSE(parse_source_url("test://").is_sound_device());
  EXPECT_EQ(parse_source_url("pipewire://a%20b?media=video").place, "a b");
  EXPECT_EQ(parse_source_url("alsa://plughw:CARD=USB,DEV=0").place, "plughw:CARD=USB,DEV=0");
}

TEST(SourceUrl, FindsHostAndPort) {
  const auto place = [](const char* url) {
    const SourceUrl source = parse_source_url(url);
    return source.host + " " + std::to_string(source.port);
  };
  EXPECT_EQ(place("rtsp://u:p@ss:w@cam/a:b@c"), "cam 554");
  EXPECT_EQ(place("rtsps://[fe80::1%25eth0]/a"), "fe80::1%25eth0 322");
  EXPECT_EQ(place("https://[::1]:8443/a.m3u8?x=:5"), "::1 8443");
  EXPECT_EQ(place("rtmps://h/a/b"), "h 443");
}

TEST(SourceUrl, ReadsOptions) {
  const SourceUrl srt = parse_source_url("srt://h:1?passphrase=%2fpassword%3D&latency=20");
  EXPECT_EQ(srt.options.at("passphrase"), "/password=");
  EXPECT_EQ(srt.options.at("latency"), "20");
}

TEST(SourceUrl, KnowsWhatTravelsEncrypted) {
  for (const char* url : {"rtsps://h/", "rtmps://h/a/b", "https://h/a.m3u8"})
    EXPECT_TRUE(parse_source_url(url).uses_tls()) << url;
  for (const char* url : {"rtsp://h/", "srt://h:1", "http://h/a.m3u8", "test://"})
    EXPECT_FALSE(parse_source_url(url).uses_tls()) << url;
}

}  // namespace
}  // namespace vedette::daemon::settings
