// Devices, as far as they can be tried without one: what is built of their URLs, and what is said when they
// are missing.
#include "daemon/streams/pipeline.h"
#include "daemon/streams/source.h"
#include "tests/daemon/streams/streams_fixture.h"

namespace vedette::daemon::streams {
namespace {

struct DeviceSourcesTest : StreamsTest {
  // Factory and property of the element with that name, as text; "" where there is none.
  static std::string child(const Source& source, const char* name, const char* property) {
    const GstPtr<GstElement> element(gst_bin_get_by_name(GST_BIN(source.element.get()), name));
    if (!element) return "";
    char* value = nullptr;
    g_object_get(element.get(), property, &value, nullptr);
    const GlibText owned(value);
    return std::string(GST_OBJECT_NAME(gst_element_get_factory(element.get()))) + " " + (value ? value : "");
  }
  // What media the pads carry that are there from the start.
  static std::string media(const Source& source) {
    std::string kinds;
    SourceCallbacks callbacks{
        [&](GstPad* pad) {
          const GstPtr<GstCaps> caps(gst_pad_query_caps(pad, nullptr));
          const Media kind = media_of(caps.get());
          kinds += kind == Media::kSound ? "sound " : kind == Media::kPicture ? "picture " : "? ";
        },
        [&] { kinds += "all"; }, [](GstElement*) {}};
    watch_source(source, &callbacks);
    return kinds;
  }
};

TEST_F(DeviceSourcesTest, ACameraGivesPictures) {
  const Source source = make_source(stream("v4l2:///dev/video7"));
  EXPECT_EQ(child(source, "vedette-device", "device"), "v4l2src /dev/video7");
  EXPECT_EQ(media(source), "picture all");
  EXPECT_TRUE(source.live);
  EXPECT_EQ(source.receive_error, 100ms);
}

TEST_F(DeviceSourcesTest, ACardGivesSound) {
  const Source source = make_source(stream("alsa://plughw:CARD=USB,DEV=0"));
  EXPECT_EQ(child(source, "vedette-device", "device"), "alsasrc plughw:CARD=USB,DEV=0");
  EXPECT_EQ(media(source), "sound all");
}

TEST_F(DeviceSourcesTest, ACameraHasAMicrophoneBesideIt) {
  settings::StreamSettings camera = stream("v4l2:///dev/video0");
  camera.microphone = "alsa://hw:1,0";
  const Source source = make_source(camera);
  EXPECT_EQ(child(source, "vedette-device", "device"), "v4l2src /dev/video0");
  EXPECT_EQ(child(source, "vedette-microphone", "device"), "alsasrc hw:1,0");
  EXPECT_EQ(media(source), "picture sound all");
}

TEST_F(DeviceSourcesTest, SoundServersNameTheirSources) {
  EXPECT_EQ(child(make_source(stream("pulse://room.monitor")), "vedette-device", "device"),
            "pulsesrc room.monitor");
  EXPECT_EQ(child(make_source(stream("pulse://")), "vedette-device", "device"), "pulsesrc ");
  const Source node = make_source(stream("pipewire://room"));
  EXPECT_EQ(child(node, "vedette-device", "target-object"), "pipewiresrc room");
  EXPECT_EQ(media(node), "sound all");
  EXPECT_EQ(media(make_source(stream("pipewire://room?media=monitor"))), "sound all");
  EXPECT_EQ(media(make_source(stream("pipewire://cam?media=video"))), "picture all");
}

TEST_F(DeviceSourcesTest, NetworkSourcesAreBuilt) {
  EXPECT_EQ(child(make_source(stream("rtmps://h/live/gate")), "vedette-rtmp", "host"), "rtmp2src h");
  EXPECT_EQ(child(make_source(stream("https://h/a.m3u8")), "vedette-http", "location"),
            "souphttpsrc https://h/a.m3u8");
  const Source listener = make_source(stream("srt://:9000?mode=listener&latency=300"));
  EXPECT_EQ(child(listener, "vedette-srt", "localaddress").substr(0, 6), "srtsrc");
  EXPECT_EQ(listener.receive_error, 800ms);
}

TEST_F(DeviceSourcesTest, WhatIsMissingIsNamed) {
  supervisor.start(stream("v4l2:///dev/video-nothing"), feed);
  EXPECT_TRUE(waits_for_status(*feed, StreamState::kReconnecting, "not_found")) << feed->log().status_text();
}

}  // namespace
}  // namespace vedette::daemon::streams
