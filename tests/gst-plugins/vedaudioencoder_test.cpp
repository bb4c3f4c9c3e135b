#include <future>
#include <thread>

#include "tests/gst-plugins/plugin_fixture.h"

namespace vedette::gst::test {
namespace {

using vedette::tests::FakeAudioEncoding;

constexpr const char* kFeatureCaps =
    "audio/x-raw(meta:VedetteAudioFeatures), format=(string)F32LE, rate=(int)16000, channels=(int)1, "
    "layout=(string)interleaved";

struct WindowOptions {
  guint32 epoch = 0;
  bool silent = false, moved_on = false, last = false;
  float level_dbfs = -20.0F;
};

// A window [from, to), as vedaudiowindow makes it.
GstBuffer* window(GstClockTime from, GstClockTime to, const WindowOptions& options = {}) {
  GstBuffer* buffer = sound(from, to - from);
  VedetteAudioWindowMeta* meta = add_audio_window_meta(buffer);
  meta->epoch = options.epoch;
  meta->running_time = from;
  meta->level_dbfs = options.level_dbfs;
  meta->silent = options.silent;
  meta->moved_on = options.moved_on;
  meta->last = options.last;
  return buffer;
}

constexpr GstClockTime s(double seconds) {
  return static_cast<GstClockTime>(seconds * 1e9);
}

struct EncoderTest : testing::Test {
  EncoderTest() {
    load_plugin();
    bus = gst_bus_new();
    open();
  }
  ~EncoderTest() override {
    encoding->hold(false);
    harness.reset();
    gst_object_unref(bus);
  }

  void open(guint max_windows = 8) {
    GstElement* element = gst_element_factory_make("vedaudioencoder", nullptr);
    g_object_set(element, "max-windows", max_windows, nullptr);
    gst_element_set_bus(element, bus);
    GstContext* context = new_runtime_context({encoding});
    gst_element_set_context(element, context);
    gst_context_unref(context);
    harness.reset(gst_harness_new_with_element(element, "sink", "src"));
    gst_harness_set_src_caps_str(harness.get(), kWindowCaps);
    gst_object_unref(element);
  }
  guint64 stat(const char* name) const {
    GstStructure* stats = nullptr;
    g_object_get(harness->element, "stats", &stats, nullptr);
    const GValue* value = gst_structure_get_value(stats, name);
    const guint64 count = G_VALUE_HOLDS_UINT(value) ? g_value_get_uint(value) : g_value_get_uint64(value);
    gst_structure_free(stats);
    return count;
  }
  // Waits, 10 s at most, until `holds`.
  template <class Holds>
  static bool eventually(Holds&& holds) {
    for (int i = 0; i < 10000; ++i) {
      if (holds()) return true;
      g_usleep(1000);
    }
    return false;
  }

  std::shared_ptr<FakeAudioEncoding> encoding = std::make_shared<FakeAudioEncoding>();
  GstBus* bus = nullptr;
  Harness harness;
};

TEST_F(EncoderTest, FeaturesRideOnTheWindow) {
  ASSERT_EQ(gst_harness_push(harness.get(), window(s(2), s(5))), GST_FLOW_OK);
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), s(2));
  EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), s(3));
  ASSERT_NE(audio_window_meta(buffer.get()), nullptr);
  VedetteAudioFeaturesMeta* features = audio_features_meta(buffer.get());
  ASSERT_NE(features, nullptr);
  EXPECT_EQ(features->features->shape(), (models::tensor::Shape{150, 4}));
  EXPECT_EQ(caps_of(harness.get(), "src"), kFeatureCaps);
  EXPECT_EQ(encoding->lengths(), std::vector<std::size_t>{48000});
}

TEST_F(EncoderTest, SilentWindowsPassInOrderWithoutTheEncoder) {
  gst_harness_push(harness.get(), window(0, s(1)));
  gst_harness_push(harness.get(), window(0, s(2), {.silent = true}));
  gst_harness_push(harness.get(), window(s(2), s(3)));
  for (const bool silent : {false, true, false}) {
    const Buffer buffer = pull(harness.get());
    EXPECT_EQ(audio_features_meta(buffer.get())->features->empty(), silent);
  }
  EXPECT_EQ(encoding->lengths().size(), 2u);
  EXPECT_EQ(stat("silent"), 1u);
}

TEST_F(EncoderTest, AWindowThatANewerOneCoversIsSuperseded) {
  encoding->hold(true);
  for (int end = 1; end <= 5; ++end) {
    ASSERT_EQ(gst_harness_push(harness.get(), window(0, s(end), {.level_dbfs = end == 3 ? -5.0F : -30.0F})),
              GST_FLOW_OK);
    ASSERT_TRUE(encoding->wait_submitted(1));  // the first has begun before a newer one comes
  }
  encoding->hold(false);
  EXPECT_EQ(GST_BUFFER_DURATION(pull(harness.get()).get()), s(1)) << "it had begun";
  const Buffer newest = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_DURATION(newest.get()), s(5));
  EXPECT_FLOAT_EQ(audio_window_meta(newest.get())->level_dbfs, -5.0F);
  EXPECT_EQ(stat("superseded"), 3u);
  EXPECT_EQ(encoding->lengths().size(), 2u);
}

TEST_F(EncoderTest, NoSoundIsEverSuperseded) {
  encoding->hold(true);
  gst_harness_push(harness.get(), window(0, s(1)));
  ASSERT_TRUE(encoding->wait_submitted(1));
  const std::vector<GstBuffer*> windows = {
      window(0, s(2)),  // an unsettled one, before a gated pause
      window(0, s(3), {.silent = true}),
      window(s(2.5), s(4)),
      window(s(2.5), s(5), {.moved_on = true}),  // sound left it unsettled: the one before must be heard
      window(s(2.5), s(6)),                      // covers that one, and inherits that it moved on
      window(0, s(1), {.epoch = 1}),             // another epoch
  };
  for (GstBuffer* buffer : windows) ASSERT_EQ(gst_harness_push(harness.get(), buffer), GST_FLOW_OK);
  encoding->hold(false);
  std::vector<GstClockTime> ends;
  for (int i = 0; i < 6; ++i) {
    const Buffer buffer = pull(harness.get());
    ends.push_back(GST_BUFFER_PTS(buffer.get()) + GST_BUFFER_DURATION(buffer.get()));
  }
  EXPECT_EQ(ends, (std::vector<GstClockTime>{s(1), s(2), s(3), s(4), s(6), s(1)}));
  EXPECT_EQ(stat("superseded"), 1u);
}

TEST_F(EncoderTest, WithoutSupersedingEveryWindowIsEncoded) {
  gst_element_set_state(harness->element, GST_STATE_NULL);
  g_object_set(harness->element, "supersede", FALSE, nullptr);
  gst_harness_play(harness.get());
  gst_harness_set_src_caps_str(harness.get(), kWindowCaps);
  encoding->hold(true);
  for (int end = 1; end <= 4; ++end) gst_harness_push(harness.get(), window(0, s(end)));
  encoding->hold(false);
  for (int end = 1; end <= 4; ++end) EXPECT_EQ(GST_BUFFER_DURATION(pull(harness.get()).get()), s(end));
}

TEST_F(EncoderTest, EndOfStreamFollowsWhatIsInFlight) {
  encoding->hold(true);
  gst_harness_push(harness.get(), window(0, s(1), {.last = true}));
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  EXPECT_EQ(gst_harness_buffers_received(harness.get()), 0u);
  encoding->hold(false);
  EXPECT_TRUE(audio_window_meta(pull(harness.get()).get())->last);
  bool ended = false;
  while (!ended) {
    GstEvent* event = gst_harness_pull_event(harness.get());
    ASSERT_NE(event, nullptr);
    ended = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
}

TEST_F(EncoderTest, NewCapsAndSegmentsFollowWhatIsInFlight) {
  encoding->hold(true);
  gst_harness_push(harness.get(), window(0, s(1)));
  gst_harness_set_src_caps_str(harness.get(), kWindowCaps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = s(7);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  gst_harness_push(harness.get(), window(0, s(2), {.epoch = 1}));
  encoding->hold(false);
  EXPECT_EQ(GST_BUFFER_DURATION(pull(harness.get()).get()), s(1));
  EXPECT_EQ(GST_BUFFER_DURATION(pull(harness.get()).get()), s(2));
}

TEST_F(EncoderTest, AFlushDropsWhatIsInFlight) {
  encoding->hold(true);
  for (guint32 epoch = 0; epoch < 3; ++epoch)
    gst_harness_push(harness.get(), window(0, s(1), {.epoch = epoch}));
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  EXPECT_EQ(gst_harness_push(harness.get(), window(0, s(1))), GST_FLOW_FLUSHING);
  gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
  EXPECT_EQ(stat("flushed"), 3u);
  EXPECT_EQ(stat("held"), 0u);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  gst_harness_push(harness.get(), window(s(9), s(11)));
  encoding->hold(false);
  EXPECT_EQ(GST_BUFFER_PTS(pull(harness.get()).get()), s(9)) << "and nothing of before the flush";
  EXPECT_EQ(gst_harness_buffers_received(harness.get()), 1u);
}

TEST_F(EncoderTest, AFullElementWaitsAndAFlushEndsTheWait) {
  open(2);
  encoding->hold(true);
  gst_harness_push(harness.get(), window(0, s(1)));
  ASSERT_TRUE(encoding->wait_submitted(1));
  gst_harness_push(harness.get(), window(0, s(1), {.epoch = 1}));
  std::promise<GstFlowReturn> result;
  std::thread pusher(
      [&] { result.set_value(gst_harness_push(harness.get(), window(0, s(1), {.epoch = 2}))); });
  std::future<GstFlowReturn> waited = result.get_future();
  EXPECT_EQ(waited.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_EQ(stat("held"), 2u);
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  EXPECT_EQ(waited.get(), GST_FLOW_FLUSHING);
  pusher.join();
}

TEST_F(EncoderTest, AStopEndsTheWaitToo) {
  open(1);
  encoding->hold(true);
  gst_harness_push(harness.get(), window(0, s(1)));
  std::promise<GstFlowReturn> result;
  std::thread pusher(
      [&] { result.set_value(gst_harness_push(harness.get(), window(0, s(1), {.epoch = 2}))); });
  g_usleep(20000);
  gst_element_set_state(harness->element, GST_STATE_NULL);
  EXPECT_EQ(result.get_future().get(), GST_FLOW_FLUSHING);
  pusher.join();
}

TEST_F(EncoderTest, AFailingEncoderIsAnErrorWithItsText) {
  encoding->fail_at(32000);
  gst_harness_push(harness.get(), window(0, s(2)));
  std::string error;
  EXPECT_TRUE(eventually([&] { return !(error = error_on(bus)).empty(); }));
  EXPECT_EQ(error, "the fake encoder was told to fail");
  EXPECT_TRUE(
      eventually([&] { return gst_harness_push(harness.get(), window(s(2), s(3))) == GST_FLOW_ERROR; }));
}

TEST_F(EncoderTest, DownstreamErrorsComeBack) {
  gst_pad_set_active(harness->sinkpad, FALSE);
  gst_harness_push(harness.get(), window(0, s(1)));
  EXPECT_TRUE(eventually(
      [&] { return gst_harness_push(harness.get(), window(0, s(1), {.epoch = 1})) == GST_FLOW_FLUSHING; }));
}

TEST_F(EncoderTest, LatencyGrowsByItsProperty) {
  gst_harness_set_upstream_latency(harness.get(), s(0.2));
  EXPECT_EQ(gst_harness_query_latency(harness.get()), s(0.7));
}

TEST_F(EncoderTest, EachWindowIsTold) {
  gst_harness_push(harness.get(), window(s(3), s(5), {.level_dbfs = -12.5F}));
  pull(harness.get());
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT);
  ASSERT_NE(message, nullptr);
  const GstStructure* text = gst_message_get_structure(message);
  EXPECT_TRUE(gst_structure_has_name(text, "vedette-audio-features"));
  gint64 frames = 0;
  gdouble level = 0.0;
  guint64 start = 0;
  gst_structure_get(text, "frames", G_TYPE_INT64, &frames, "level-dbfs", G_TYPE_DOUBLE, &level, "start",
                    G_TYPE_UINT64, &start, nullptr);
  EXPECT_EQ(frames, 100);
  EXPECT_EQ(level, -12.5);
  EXPECT_EQ(start, s(3));
  gst_message_unref(message);
}

TEST_F(EncoderTest, StartStopAndFlushManyTimes) {
  for (guint32 turn = 0; turn < 200; ++turn) {
    encoding->hold(turn % 3 == 0);
    for (guint32 i = 0; i < 4; ++i)
      gst_harness_push(harness.get(), window(0, s(0.1), {.epoch = turn * 4 + i}));
    if (turn % 2 == 0) {
      gst_harness_push_event(harness.get(), gst_event_new_flush_start());
      gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
    } else {
      gst_element_set_state(harness->element, GST_STATE_NULL);
      gst_harness_play(harness.get());
      gst_harness_set_src_caps_str(harness.get(), kWindowCaps);
    }
    while (Buffer left{gst_harness_try_pull(harness.get())}) {
    }
  }
  encoding->hold(false);
  gst_harness_push(harness.get(), window(s(1), s(2), {.epoch = 5000}));
  Buffer last;
  do {
    last = pull(harness.get());
    ASSERT_NE(last, nullptr);
  } while (audio_window_meta(last.get())->epoch != 5000);
  EXPECT_EQ(GST_BUFFER_PTS(last.get()), s(1));
}

struct EncoderContextTest : testing::Test {
  EncoderContextTest() {
    load_plugin();
    bus = gst_bus_new();
    element = GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("vedaudioencoder", nullptr)));
    gst_element_set_bus(element, bus);
  }
  ~EncoderContextTest() override {
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, nullptr);
    gst_object_unref(element);
    gst_object_unref(bus);
  }
  GstElement* element;
  GstBus* bus = nullptr;
};

TEST_F(EncoderContextTest, AsksTheApplication) {
  auto encoding = std::make_shared<FakeAudioEncoding>();
  gst_bus_set_sync_handler(
      bus,
      [](GstBus*, GstMessage* message, gpointer data) {
        const gchar* type = nullptr;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT &&
            gst_message_parse_context_type(message, &type) && g_str_equal(type, kRuntimeContext)) {
          GstContext* context =
              new_runtime_context({*static_cast<std::shared_ptr<FakeAudioEncoding>*>(data)});
          gst_element_set_context(GST_ELEMENT(GST_MESSAGE_SRC(message)), context);
          gst_context_unref(context);
        }
        return GST_BUS_PASS;
      },
      &encoding, nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_GT(encoding.use_count(), 1) << "the element shares it";
  GstQuery* query = gst_query_new_context(kRuntimeContext);
  ASSERT_TRUE(gst_element_query(element, query)) << "and answers its neighbours";
  GstContext* context = nullptr;
  gst_query_parse_context(query, &context);
  EXPECT_EQ(runtime_of(context).hearing, encoding);
  gst_query_unref(query);
}

TEST_F(EncoderContextTest, WithoutAnyModelItDoesNotStart) {
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(error_on(bus),
            "no speech model: set `model` to a model folder, or answer the context vedette.runtime");
}

TEST_F(EncoderContextTest, AMissingModelFolderIsNamed) {
  g_object_set(element, "model", "/nowhere/whisper", nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(error_on(bus).find("/nowhere/whisper"), std::string::npos);
}

}  // namespace
}  // namespace vedette::gst::test
