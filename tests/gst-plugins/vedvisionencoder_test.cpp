#include <gmock/gmock.h>
#include <gst/video/video.h>

#include "gst-plugins/vision_meta.h"
#include "tests/gst-plugins/plugin_fixture.h"
#include "tests/support/fake_image_encoding.h"

namespace vedette::gst::test {
namespace {

using models::preprocess::ColorMatrix;
using models::preprocess::ColorRange;
using models::preprocess::PixelFormat;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using vedette::tests::FakeImageEncoding;

std::string raw(const char* format, int width, int height, const char* more = "") {
  return std::string("video/x-raw, format=(string)") + format + ", width=(int)" + std::to_string(width) +
         ", height=(int)" + std::to_string(height) + ", framerate=(fraction)1/1" + more;
}

// A frame whose planes are filled with 10, 20 and 30.
GstBuffer* frame(const std::string& caps_text, GstClockTime pts) {
  GstCaps* caps = gst_caps_from_string(caps_text.c_str());
  GstVideoInfo info;
  EXPECT_TRUE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); ++plane) {
    gst_buffer_memset(buffer, GST_VIDEO_INFO_PLANE_OFFSET(&info, plane),
                      static_cast<guint8>(10 * (plane + 1)),
                      info.size - GST_VIDEO_INFO_PLANE_OFFSET(&info, plane));
  }
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = GST_SECOND;
  return buffer;
}

struct VisionEncoderTest : testing::Test {
  VisionEncoderTest() {
    load_plugin();
    bus = gst_bus_new();
  }
  ~VisionEncoderTest() override {
    encoding->hold(false);
    harness.reset();
    gst_object_unref(bus);
  }

  void open(const std::string& caps, bool supersede = true, bool skip_errors = false) {
    GstElement* element = gst_element_factory_make("vedvisionencoder", nullptr);
    g_object_set(element, "supersede", supersede ? TRUE : FALSE, "skip-errors", skip_errors ? TRUE : FALSE,
                 "max-frames", 4, nullptr);
    gst_element_set_bus(element, bus);
    GstContext* context = new_runtime_context({nullptr, encoding});
    gst_element_set_context(element, context);
    gst_context_unref(context);
    harness.reset(gst_harness_new_with_element(element, "sink", "src"));
    gst_object_unref(element);
    set_caps(caps);
  }
  void set_caps(const std::string& caps) {
    now = caps;
    gst_harness_set_src_caps_str(harness.get(), caps.c_str());
  }
  GstFlowReturn push(GstClockTime pts) { return gst_harness_push(harness.get(), frame(now, pts)); }
  // A frame as vedframesampler marks it.
  void push_marked(GstClockTime pts, bool unchanged, float change, guint32 epoch = 0) {
    GstBuffer* buffer = frame(now, pts);
    VedetteFrameMeta* meta = add_frame_meta(buffer);
    meta->epoch = epoch;
    meta->change = change;
    meta->unchanged = unchanged ? TRUE : FALSE;
    ASSERT_EQ(gst_harness_push(harness.get(), buffer), GST_FLOW_OK);
  }
  guint64 stat(const char* name) const {
    GstStructure* stats = nullptr;
    g_object_get(harness->element, "stats", &stats, nullptr);
    guint64 count = 0;
    EXPECT_TRUE(gst_structure_get_uint64(stats, name, &count)) << name;
    gst_structure_free(stats);
    return count;
  }

  std::shared_ptr<FakeImageEncoding> encoding = std::make_shared<FakeImageEncoding>();
  std::string now;
  GstBus* bus = nullptr;
  Harness harness;
};

TEST_F(VisionEncoderTest, TokensAndSightingsRideOnTheFrame) {
  open(raw("I420", 64, 48));
  ASSERT_EQ(push(3 * GST_SECOND), GST_FLOW_OK);
  const Buffer out = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), 3 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(out.get()), GST_SECOND);
  const VedetteVisionMeta* meta = vision_meta(out.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_EQ(meta->seen->tokens.shape(), (models::tensor::Shape{2, 3}));
  EXPECT_EQ(meta->seen->tokens.as<float>()[0], 10.0F);
  ASSERT_EQ(meta->seen->sightings.size(), 1u);
  EXPECT_EQ(meta->seen->sightings.front().what, "person");
  EXPECT_THAT(caps_of(harness.get(), "src"), HasSubstr("video/x-raw(meta:VedetteVision)"));
  EXPECT_EQ(gst_buffer_get_size(out.get()), 64u * 48 * 3 / 2) << "the pixels stay with it, as evidence";
}

TEST_F(VisionEncoderTest, AMessageTellsOfEachFrame) {
  open(raw("I420", 64, 48));
  push(GST_SECOND);
  pull(harness.get());
  GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_ELEMENT);
  ASSERT_NE(message, nullptr);
  const GstStructure* text = gst_message_get_structure(message);
  EXPECT_TRUE(gst_structure_has_name(text, "vedette-vision-tokens"));
  gint64 tokens = 0;
  EXPECT_TRUE(gst_structure_get_int64(text, "tokens", &tokens));
  EXPECT_EQ(tokens, 2);
  EXPECT_STREQ(gst_structure_get_string(text, "what"), "person");
  gst_message_unref(message);
}

TEST_F(VisionEncoderTest, TheEncoderIsToldFormatSizeAndColour) {
  struct Case {
    std::string caps;
    PixelFormat format;
    std::vector<std::uint8_t> corners;
    ColorMatrix matrix;
    ColorRange range;
  };
  const std::vector<Case> cases = {
      {raw("I420", 65, 49),
       PixelFormat::kI420,
       {10, 10, 20, 20, 30, 30},
       ColorMatrix::kBt601,
       ColorRange::kLimited},
      {raw("NV12", 1, 3), PixelFormat::kNv12, {10, 10, 20, 20}, ColorMatrix::kBt601, ColorRange::kLimited},
      {raw("NV12", 1280, 720),
       PixelFormat::kNv12,
       {10, 10, 20, 20},
       ColorMatrix::kBt709,
       ColorRange::kLimited},
      {raw("I420", 64, 48, ", colorimetry=(string)bt709"),
       PixelFormat::kI420,
       {10, 10, 20, 20, 30, 30},
       ColorMatrix::kBt709,
       ColorRange::kLimited},
      {raw("I420", 64, 48, ", colorimetry=(string)1:4:0:0"),
       PixelFormat::kI420,
       {10, 10, 20, 20, 30, 30},
       ColorMatrix::kBt601,
       ColorRange::kFull},
      {raw("I420", 64, 48, ", colorimetry=(string)bt2020"),
       PixelFormat::kI420,
       {10, 10, 20, 20, 30, 30},
       ColorMatrix::kBt2020,
       ColorRange::kLimited},
      {raw("RGB", 33, 17), PixelFormat::kRgb, {10, 10}, ColorMatrix::kBt601, ColorRange::kFull},
  };
  for (const Case& one : cases) {
    encoding = std::make_shared<FakeImageEncoding>();
    open(one.caps);
    ASSERT_EQ(push(0), GST_FLOW_OK) << one.caps;
    ASSERT_NE(pull(harness.get()), nullptr) << one.caps;
    const auto seen = encoding->seen();
    ASSERT_EQ(seen.size(), 1u) << one.caps;
    EXPECT_EQ(seen[0].view.format, one.format) << one.caps;
    EXPECT_EQ(seen[0].corners, one.corners) << one.caps;
    if (one.format == PixelFormat::kRgb) continue;
    EXPECT_EQ(seen[0].view.matrix, one.matrix) << one.caps;
    EXPECT_EQ(seen[0].view.range, one.range) << one.caps;
  }
}

TEST_F(VisionEncoderTest, TheSinkPadNeverWaitsForTheEncoder) {
  open(raw("RGB", 32, 32));
  encoding->hold(true);
  ASSERT_EQ(push(0), GST_FLOW_OK);
  ASSERT_TRUE(encoding->wait_submitted(1));
  for (guint64 n = 1; n < 20; ++n) ASSERT_EQ(push(n * GST_SECOND), GST_FLOW_OK);
  encoding->hold(false);
  EXPECT_EQ(GST_BUFFER_PTS(pull(harness.get()).get()), 0u) << "it had begun";
  EXPECT_EQ(GST_BUFFER_PTS(pull(harness.get()).get()), 19 * GST_SECOND) << "of those that waited, the newest";
  EXPECT_EQ(stat("superseded"), 18u);
}

TEST_F(VisionEncoderTest, AnUnchangedFramePassesWithoutTokens) {
  open(raw("RGB", 32, 32));
  push_marked(0, false, 1.0F);
  pull(harness.get());
  push_marked(GST_SECOND, true, 0.0F);
  const Buffer out = pull(harness.get());
  ASSERT_NE(vision_meta(out.get()), nullptr);
  EXPECT_TRUE(vision_meta(out.get())->seen->tokens.empty());
  EXPECT_NE(frame_meta(out.get())->unchanged, FALSE);
  EXPECT_EQ(encoding->seen().size(), 1u);
  EXPECT_EQ(stat("passed"), 1u);
}

TEST_F(VisionEncoderTest, WhatAFrameSupersedesIsCountedOnItAndUnchangedOnesNeverBlock) {
  open(raw("RGB", 32, 32));
  encoding->hold(true);
  push_marked(0, false, 1.0F);
  ASSERT_TRUE(encoding->wait_submitted(1));
  guint64 n = 1;
  for (; n < 20; ++n) push_marked(n * GST_SECOND, n % 3 == 0, n == 10 ? 0.9F : n % 3 == 0 ? 0.0F : 0.2F);
  encoding->hold(false);
  pull(harness.get());
  const Buffer out = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), 19 * GST_SECOND);
  EXPECT_EQ(frame_meta(out.get())->lost, 12u) << "of 13 that changed";
  EXPECT_EQ(frame_meta(out.get())->change, 0.9F);
  EXPECT_EQ(encoding->seen().size(), 2u);
}

TEST_F(VisionEncoderTest, AFrameOfAnotherEpochSupersedesNone) {
  open(raw("RGB", 32, 32));
  encoding->hold(true);
  push_marked(0, false, 1.0F);
  ASSERT_TRUE(encoding->wait_submitted(1));
  push_marked(GST_SECOND, false, 1.0F);
  push_marked(0, false, 1.0F, 1);
  encoding->hold(false);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(frame_meta(pull(harness.get()).get())->lost, 0u);
  EXPECT_EQ(encoding->seen().size(), 3u);
}

TEST_F(VisionEncoderTest, AFailureMayBeAWarning) {
  encoding->fail_at(32);
  open(raw("RGB", 32, 32), true, true);
  push(0);
  EXPECT_EQ(vision_meta(pull(harness.get()).get()), nullptr);
  GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_WARNING);
  ASSERT_NE(message, nullptr);
  GError* error = nullptr;
  gst_message_parse_warning(message, &error, nullptr);
  EXPECT_THAT(error->message, HasSubstr("told to fail"));
  g_clear_error(&error);
  gst_message_unref(message);
  set_caps(raw("RGB", 64, 32));
  push(GST_SECOND);
  EXPECT_NE(vision_meta(pull(harness.get()).get()), nullptr);
}

TEST_F(VisionEncoderTest, WithoutSupersedingEveryFrameIsEncodedInOrder) {
  open(raw("RGB", 32, 32), false);
  for (guint64 n = 0; n < 8; ++n) ASSERT_EQ(push(n * GST_SECOND), GST_FLOW_OK);
  for (guint64 n = 0; n < 8; ++n) EXPECT_EQ(GST_BUFFER_PTS(pull(harness.get()).get()), n * GST_SECOND);
  EXPECT_EQ(stat("encoded"), 8u);
}

TEST_F(VisionEncoderTest, AFrameIsReadAsTheCapsSaidThatItCameWith) {
  open(raw("I420", 64, 48), false);
  encoding->hold(true);
  push(0);
  set_caps(raw("RGB", 20, 10));
  push(GST_SECOND);
  encoding->hold(false);
  pull(harness.get());
  pull(harness.get());
  const auto seen = encoding->seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].view.format, PixelFormat::kI420);
  EXPECT_EQ(seen[0].view.width, 64);
  EXPECT_EQ(seen[1].view.format, PixelFormat::kRgb);
  EXPECT_EQ(seen[1].view.width, 20);
  EXPECT_THAT(caps_of(harness.get(), "src"), HasSubstr("width=(int)20"));
}

TEST_F(VisionEncoderTest, AFlushDropsWhatIsInFlight) {
  open(raw("RGB", 32, 32));
  encoding->hold(true);
  push(0);
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  EXPECT_EQ(push(GST_SECOND), GST_FLOW_FLUSHING);
  gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push(2 * GST_SECOND);
  encoding->hold(false);
  EXPECT_EQ(GST_BUFFER_PTS(pull(harness.get()).get()), 2 * GST_SECOND);
  EXPECT_EQ(stat("flushed"), 1u);
}

TEST_F(VisionEncoderTest, EndOfStreamFollowsWhatIsInFlight) {
  open(raw("RGB", 32, 32));
  encoding->hold(true);
  push(0);
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  EXPECT_EQ(gst_harness_buffers_received(harness.get()), 0u);
  encoding->hold(false);
  EXPECT_NE(pull(harness.get()), nullptr);
  bool ended = false;
  while (!ended) {
    GstEvent* event = gst_harness_pull_event(harness.get());
    ASSERT_NE(event, nullptr);
    ended = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
}

TEST_F(VisionEncoderTest, AFailureOfTheEncoderIsAnErrorOfTheElement) {
  encoding->fail_at(32);
  open(raw("RGB", 32, 32));
  push(0);
  GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_ERROR);
  ASSERT_NE(message, nullptr);
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  EXPECT_THAT(error->message, HasSubstr("told to fail"));
  g_clear_error(&error);
  gst_message_unref(message);
}

TEST_F(VisionEncoderTest, ATruncatedFrameIsAnErrorOfTheElement) {
  open(raw("RGB", 32, 32));
  gst_harness_push(harness.get(), gst_buffer_new_allocate(nullptr, 50, nullptr));
  GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_ERROR);
  ASSERT_NE(message, nullptr);
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  EXPECT_THAT(error->message, HasSubstr("50 bytes as 32x32 RGB"));
  g_clear_error(&error);
  gst_message_unref(message);
}

TEST_F(VisionEncoderTest, WithoutAModelItSaysWhatToSet) {
  GstElement* element = gst_element_factory_make("vedvisionencoder", nullptr);
  gst_element_set_bus(element, bus);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  EXPECT_THAT(error_on(bus), HasSubstr("no vision model"));
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

TEST_F(VisionEncoderTest, ContextOfHearingAloneIsNoVisionModel) {
  GstElement* element = gst_element_factory_make("vedvisionencoder", nullptr);
  gst_element_set_bus(element, bus);
  GstContext* context = new_runtime_context({std::make_shared<vedette::tests::FakeAudioEncoding>(), nullptr});
  gst_element_set_context(element, context);
  gst_context_unref(context);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

// As documented, with the weights of the source tree.
TEST_F(VisionEncoderTest, ALaunchLineWithTheRealModelRuns) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(
      "videotestsrc num-buffers=60 pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 "
      "! vedframesampler rate=1 least-change=0.001 pass-unchanged=true ! videoconvert "
      "! vedvisionencoder name=it supersede=false model=" VEDETTE_SOURCE_DIR "/models/nano ! fakesink",
      &error);
  ASSERT_EQ(error, nullptr) << error->message;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* messages = gst_element_get_bus(pipeline);
  int told = 0;
  while (true) {
    GstMessage* message = gst_bus_timed_pop_filtered(
        messages, 60 * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT));
    ASSERT_NE(message, nullptr);
    const GstMessageType type = GST_MESSAGE_TYPE(message);
    const GstStructure* text = gst_message_get_structure(message);
    if (type == GST_MESSAGE_ELEMENT && gst_structure_has_name(text, "vedette-vision-tokens")) {
      gint64 tokens = 0, hidden = 0;
      guint64 time = 0;
      gdouble change = -1.0, score = -1.0;
      gst_structure_get(text, "time", G_TYPE_UINT64, &time, "tokens", G_TYPE_INT64, &tokens, "hidden",
                        G_TYPE_INT64, &hidden, "change", G_TYPE_DOUBLE, &change, "score", G_TYPE_DOUBLE,
                        &score, nullptr);
      EXPECT_NEAR(static_cast<double>(time), told * 1e9, 1e6);
      EXPECT_GT(tokens, 0);
      EXPECT_EQ(hidden, 576) << "the width of the language model that it is for";
      EXPECT_GT(change, 0.0);
      EXPECT_TRUE(score >= 0.0 && score <= 1.0);
      EXPECT_STRNE(gst_structure_get_string(text, "what"), nullptr);
      ++told;
    }
    gst_message_unref(message);
    EXPECT_NE(type, GST_MESSAGE_ERROR);
    if (type == GST_MESSAGE_EOS || type == GST_MESSAGE_ERROR) break;
  }
  EXPECT_EQ(told, 4);
  gst_object_unref(messages);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST_F(VisionEncoderTest, EveryPropertySaysWhatItDoes) {
  open(raw("RGB", 32, 32));
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(harness->element), &count);
  int own = 0;
  for (guint i = 0; i < count; ++i) {
    if (specs[i]->owner_type != G_OBJECT_TYPE(harness->element)) continue;
    ++own;
    EXPECT_GT(std::string(g_param_spec_get_blurb(specs[i])).size(), 30u) << specs[i]->name;
  }
  g_free(specs);
  EXPECT_EQ(own, 7);
}

}  // namespace
}  // namespace vedette::gst::test
