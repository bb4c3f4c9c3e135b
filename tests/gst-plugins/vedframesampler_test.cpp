#include <gmock/gmock.h>
#include <gst/video/video.h>

#include "gst-plugins/vision_meta.h"
#include "tests/gst-plugins/plugin_fixture.h"

namespace vedette::gst::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr GstClockTime ms(guint64 milliseconds) {
  return milliseconds * GST_MSECOND;
}

std::string raw(const char* format, int width, int height) {
  return std::string("video/x-raw, format=(string)") + format + ", width=(int)" + std::to_string(width) +
         ", height=(int)" + std::to_string(height) + ", framerate=(fraction)25/1";
}

// A frame of one grey with a white square at `square` pixels from the left; -1: none.
GstBuffer* frame(const std::string& caps_text, GstClockTime pts, int square = -1) {
  GstCaps* caps = gst_caps_from_string(caps_text.c_str());
  GstVideoInfo info;
  EXPECT_TRUE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  gst_buffer_memset(buffer, 0, 100, info.size);
  GstVideoFrame mapped;
  EXPECT_TRUE(gst_video_frame_map(&mapped, &info, buffer, GST_MAP_WRITE));
  const int bytes = GST_VIDEO_FRAME_COMP_PSTRIDE(&mapped, 0);
  for (int y = 0; square >= 0 && y < std::min(40, info.height); ++y) {
    auto* row = static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0)) +
                y * GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0);
    for (int x = square; x < std::min(square + 40, info.width); ++x) std::fill_n(row + x * bytes, bytes, 255);
  }
  gst_video_frame_unmap(&mapped);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = ms(40);
  return buffer;
}

struct SamplerTest : testing::Test {
  SamplerTest() {
    load_plugin();
    bus = gst_bus_new();
  }
  ~SamplerTest() override {
    harness.reset();
    gst_object_unref(bus);
  }

  void open(const std::string& caps, const char* properties = "") {
    harness.reset(gst_harness_new_parse((std::string("vedframesampler name=it ") + properties).c_str()));
    element = gst_bin_get_by_name(GST_BIN(harness->element), "it");
    gst_object_unref(element);  // the bin keeps it
    gst_element_set_bus(harness->element, bus);
    now = caps;
    gst_harness_set_src_caps_str(harness.get(), caps.c_str());
  }
  GstFlowReturn push(GstClockTime pts, int square = -1) {
    return gst_harness_push(harness.get(), frame(now, pts, square));
  }
  // Times, in ms, of what came out since the last call.
  std::vector<guint64> passed() {
    std::vector<guint64> times;
    while (GstBuffer* buffer = gst_harness_try_pull(harness.get())) {
      times.push_back(GST_BUFFER_PTS(buffer) / GST_MSECOND);
      gst_buffer_unref(buffer);
    }
    return times;
  }
  guint64 stat(const char* name) const {
    GstStructure* stats = nullptr;
    g_object_get(element, "stats", &stats, nullptr);
    guint64 count = 0;
    EXPECT_TRUE(gst_structure_get_uint64(stats, name, &count));
    gst_structure_free(stats);
    return count;
  }

  std::string now;
  GstBus* bus = nullptr;
  GstElement* element = nullptr;
  Harness harness;
};

TEST_F(SamplerTest, PassesFramesAtTheRateUnchanged) {
  open(raw("I420", 320, 240), "rate=2");
  GstBuffer* first = frame(now, 0);
  gst_buffer_ref(first);
  gst_harness_push(harness.get(), first);
  const Buffer out = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), 0u);
  EXPECT_EQ(GST_BUFFER_DURATION(out.get()), ms(40));
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(first, 0)) << "nothing is copied";
  gst_buffer_unref(first);
  for (guint64 n = 1; n < 50; ++n) push(ms(40 * n));
  EXPECT_THAT(passed(), ElementsAre(520, 1000, 1520));
  EXPECT_EQ(stat("frames"), 50u);
  EXPECT_EQ(stat("kept"), 4u);
  EXPECT_EQ(caps_of(harness.get(), "src").substr(0, 11), "video/x-raw");
}

TEST_F(SamplerTest, TheGateHoldsBackWhatDidNotChange) {
  for (const char* format : {"I420", "NV12", "RGB", "GRAY8"}) {
    open(raw(format, 322, 241), "rate=10 least-change=0.01 longest-unchanged=3000");
    for (guint64 n = 0; n < 10; ++n) push(ms(100 * n));
    push(ms(1000), 100);  // a square appears
    push(ms(1100), 100);
    push(ms(1200), 160);  // and moves
    push(ms(1300), 160);
    for (guint64 n = 14; n < 44; ++n) push(ms(100 * n), 160);
    EXPECT_THAT(passed(), ElementsAre(0, 1000, 1200, 4200)) << format;
    EXPECT_EQ(stat("unchanged"), 40u) << format;
  }
}

TEST_F(SamplerTest, WhatTheGateHoldsBackMayPassMarked) {
  open(raw("I420", 320, 240), "rate=2 least-change=0.01 longest-unchanged=0 pass-unchanged=true");
  GstBuffer* shared = frame(now, 0);
  gst_buffer_ref(shared);  // not writable: the meta stands on a copy of it, which shares the pixels
  gst_harness_push(harness.get(), shared);
  EXPECT_EQ(frame_meta(shared), nullptr);
  for (guint64 n = 1; n < 50; ++n) push(ms(40 * n), n < 20 ? -1 : 100);
  std::vector<guint64> times;
  std::vector<bool> unchanged;
  for (int n = 0; n < 4; ++n) {
    const Buffer out = pull(harness.get());
    const VedetteFrameMeta* meta = frame_meta(out.get());
    ASSERT_NE(meta, nullptr);
    EXPECT_EQ(meta->epoch, 0u);
    EXPECT_EQ(meta->unchanged != FALSE, meta->change < 0.01F);
    if (n == 0) {
      EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(shared, 0));
    }
    times.push_back(meta->running_time / GST_MSECOND);
    unchanged.push_back(meta->unchanged != FALSE);
  }
  gst_buffer_unref(shared);
  EXPECT_THAT(times, ElementsAre(0, 520, 1000, 1520));
  EXPECT_THAT(unchanged, ElementsAre(false, true, false, true));
  EXPECT_EQ(stat("kept"), 2u);
  EXPECT_EQ(stat("unchanged"), 2u);
}

TEST_F(SamplerTest, OfAnotherEpochTheFirstFrameIsKept) {
  open(raw("I420", 320, 240), "rate=1 least-change=0.01 pass-unchanged=true");
  push(0);
  gst_harness_push_event(harness.get(), new_epoch_event(7));
  push(ms(40));
  pull(harness.get());
  const Buffer out = pull(harness.get());
  EXPECT_EQ(frame_meta(out.get())->epoch, 7u);
  EXPECT_EQ(frame_meta(out.get())->unchanged, FALSE);
  EXPECT_EQ(frame_meta(out.get())->running_time, ms(40));
}

TEST_F(SamplerTest, TheMinimumIntervalHolds) {
  open(raw("NV12", 64, 64), "rate=0 min-interval=1000");
  for (guint64 n = 0; n < 30; ++n) push(ms(100 * n));
  EXPECT_THAT(passed(), ElementsAre(0, 1000, 2000));
}

TEST_F(SamplerTest, ANewResolutionPassesAtOnceThroughTheGate) {
  open(raw("I420", 320, 240), "rate=5 least-change=0.5 longest-unchanged=0");
  push(0);
  push(ms(200));
  now = raw("I420", 641, 361);
  gst_harness_set_src_caps_str(harness.get(), now.c_str());
  push(ms(400));
  push(ms(600));
  EXPECT_THAT(passed(), ElementsAre(0, 400));
  EXPECT_THAT(caps_of(harness.get(), "src"), HasSubstr("width=(int)641"));
}

TEST_F(SamplerTest, OddSizesAreLookedAt) {
  for (const auto& [width, height] : {std::pair{1, 1}, {3, 2}, {17, 333}, {1279, 7}, {160, 90}}) {
    open(raw("I420", width, height), "rate=5 least-change=0.1");
    EXPECT_EQ(push(0), GST_FLOW_OK);
    EXPECT_EQ(push(ms(200)), GST_FLOW_OK);
    EXPECT_THAT(passed(), ElementsAre(0)) << width << "x" << height;
  }
}

TEST_F(SamplerTest, AfterAFlushTheFirstFramePasses) {
  open(raw("I420", 64, 64), "rate=1 least-change=0.5");
  push(0);
  push(ms(100));
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push(ms(200));
  EXPECT_THAT(passed(), ElementsAre(0, 200));
}

TEST_F(SamplerTest, DiscontIsCarriedOverWhatWasLeftOut) {
  open(raw("I420", 64, 64), "rate=1");
  push(0);
  EXPECT_EQ(pull(harness.get()) != nullptr, true);
  GstBuffer* broken = frame(now, ms(500));
  GST_BUFFER_FLAG_SET(broken, GST_BUFFER_FLAG_DISCONT);
  gst_harness_push(harness.get(), broken);  // not due
  push(ms(1000));
  const Buffer out = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), ms(1000));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_DISCONT));
}

TEST_F(SamplerTest, EndOfStreamPasses) {
  open(raw("I420", 64, 64));
  push(0);
  ASSERT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_eos()));
  bool ended = false;
  while (GstEvent* event = gst_harness_try_pull_event(harness.get())) {
    ended |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(ended);
}

TEST_F(SamplerTest, AbsurdTimesAreLeftOutAndSpoilNothing) {
  open(raw("I420", 64, 64), "rate=1");
  push(0);
  EXPECT_EQ(push(GST_CLOCK_TIME_NONE), GST_FLOW_OK);
  EXPECT_EQ(push(GST_CLOCK_TIME_NONE - 1), GST_FLOW_OK);
  EXPECT_EQ(push(G_MAXINT64), GST_FLOW_OK);
  push(ms(500));
  push(ms(1000));
  EXPECT_THAT(passed(), ElementsAre(0, 1000));
  EXPECT_EQ(stat("untimed"), 2u);
  push(ms(20000));
  push(0);  // back
  EXPECT_THAT(passed(), ElementsAre(20000, 0));
}

TEST_F(SamplerTest, RunningTimeCountsNotTheTimestamp) {
  open(raw("I420", 64, 64), "rate=1");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = ms(5000);
  segment.time = ms(5000);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push(ms(4000));  // before the segment
  push(ms(5000));
  push(ms(5500));
  push(ms(6000));
  EXPECT_THAT(passed(), ElementsAre(5000, 6000));
}

TEST_F(SamplerTest, OtherFormatsPassButNotTheGate) {
  open(raw("RGBA", 64, 64), "rate=1");
  push(0);
  EXPECT_THAT(passed(), ElementsAre(0));
  for (const char* format : {"RGBA", "I420_10LE", "YUY2"}) {
    open(raw(format, 64, 64), "rate=1 least-change=0.1");
    EXPECT_EQ(push(0), GST_FLOW_NOT_NEGOTIATED);
    EXPECT_THAT(error_on(bus), HasSubstr(std::string("not at ") + format));
    while (!error_on(bus).empty()) {
    }
  }
}

TEST_F(SamplerTest, ATruncatedFrameIsAnErrorOfTheStream) {
  open(raw("I420", 64, 64), "rate=1 least-change=0.1");
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
  GST_BUFFER_PTS(buffer) = 0;
  EXPECT_EQ(gst_harness_push(harness.get(), buffer), GST_FLOW_ERROR);
  EXPECT_THAT(error_on(bus), HasSubstr("100 bytes as 64x64 I420"));
}

// Encoded units 100 ms apart with a key frame every `key_every`.
void push_units(GstHarness* harness, int key_every, int count) {
  for (int n = 0; n < count; ++n) {
    GstBuffer* unit = gst_buffer_new_allocate(nullptr, 10, nullptr);
    GST_BUFFER_PTS(unit) = GST_BUFFER_DTS(unit) = ms(static_cast<guint64>(n) * 100);
    if (n % key_every != 0) GST_BUFFER_FLAG_SET(unit, GST_BUFFER_FLAG_DELTA_UNIT);
    gst_harness_push(harness, unit);
  }
}

TEST_F(SamplerTest, BeforeTheDecoderOnlyKeyFramesPassWhileTheyAreEnough) {
  for (const char* caps : {"video/x-h264, stream-format=byte-stream, alignment=au",
                           "video/x-h265, stream-format=byte-stream, alignment=au"}) {
    open(caps, "rate=1");
    push_units(harness.get(), 10, 40);
    EXPECT_THAT(passed(), ElementsAre(0, 1000, 2000, 3000)) << caps;
    EXPECT_EQ(stat("units-dropped"), 36u);
  }
}

TEST_F(SamplerTest, AUnitFromBeforeTheSegmentReachesTheDecoder) {
  open("video/mpeg, mpegversion=2, systemstream=false, parsed=true", "rate=1");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = ms(500);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push_units(harness.get(), 100, 1);
  EXPECT_THAT(passed(), ElementsAre(0)) << "what is in the segment is decoded from it";
}

TEST_F(SamplerTest, BeforeTheDecoderAllPassesWhereKeyFramesAreRare) {
  open("video/x-h264, stream-format=byte-stream, alignment=au", "rate=2");
  push_units(harness.get(), 20, 60);
  EXPECT_EQ(passed().size(), 1u + 40u);
  open("video/x-h264, stream-format=byte-stream, alignment=au", "rate=2 key-frames-within=2000");
  push_units(harness.get(), 20, 60);
  EXPECT_THAT(passed(), ElementsAre(0, 2000, 4000));
}

TEST_F(SamplerTest, ALaunchLineRuns) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(
      "videotestsrc num-buffers=100 pattern=ball ! "
      "video/x-raw,format=I420,width=320,height=240,framerate=25/1 "
      "! vedframesampler name=it rate=2 least-change=0.001 ! videoscale ! video/x-raw,width=160,height=90 ! "
      "fakesink",
      &error);
  ASSERT_EQ(error, nullptr) << error->message;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* messages = gst_element_get_bus(pipeline);
  GstMessage* last = gst_bus_timed_pop_filtered(
      messages, 20 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(GST_MESSAGE_TYPE(last), GST_MESSAGE_EOS);
  gst_message_unref(last);
  gst_object_unref(messages);
  GstElement* sampler = gst_bin_get_by_name(GST_BIN(pipeline), "it");
  GstStructure* stats = nullptr;
  g_object_get(sampler, "stats", &stats, nullptr);
  guint64 kept = 0;
  gst_structure_get_uint64(stats, "kept", &kept);
  EXPECT_EQ(kept, 8u);
  gst_structure_free(stats);
  gst_object_unref(sampler);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_F(SamplerTest, EveryPropertySaysWhatItDoes) {
  open(raw("I420", 64, 64));
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  int own = 0;
  for (guint i = 0; i < count; ++i) {
    if (specs[i]->owner_type != G_OBJECT_TYPE(element)) continue;
    ++own;
    EXPECT_GT(std::string(g_param_spec_get_blurb(specs[i])).size(), 30u) << specs[i]->name;
  }
  g_free(specs);
  EXPECT_EQ(own, 7);
}

}  // namespace
}  // namespace vedette::gst::test
