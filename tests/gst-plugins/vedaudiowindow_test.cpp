#include <thread>

#include "tests/gst-plugins/plugin_fixture.h"

namespace vedette::gst::test {
namespace {

struct WindowTest : testing::Test {
  WindowTest() {
    load_plugin();
    harness.reset(gst_harness_new("vedaudiowindow"));
    gst_harness_set_src_caps_str(harness.get(), kSoundCaps);
  }
  // Sound in buffers of 100 ms.
  void push(GstClockTime from, GstClockTime length, float amplitude = 0.5F) {
    for (GstClockTime at = 0; at < length; at += 100 * GST_MSECOND) {
      ASSERT_EQ(gst_harness_push(harness.get(), sound(from + at, 100 * GST_MSECOND, amplitude)), GST_FLOW_OK);
    }
  }
  guint waiting() const { return gst_harness_buffers_in_queue(harness.get()); }
  guint64 stat(const char* name) const {
    GstStructure* stats = nullptr;
    g_object_get(harness->element, "stats", &stats, nullptr);
    const GValue* value = gst_structure_get_value(stats, name);
    const guint64 count = G_VALUE_HOLDS_INT64(value) ? static_cast<guint64>(g_value_get_int64(value))
                                                     : g_value_get_uint64(value);
    gst_structure_free(stats);
    return count;
  }

  Harness harness;
};

TEST_F(WindowTest, GivesAWindowPerHopWithItsTimes) {
  push(5 * GST_SECOND, 3 * GST_SECOND);
  ASSERT_EQ(waiting(), 3u);
  for (guint i = 1; i <= 3; ++i) {
    const Buffer buffer = pull(harness.get());
    EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 5 * GST_SECOND);
    EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), i * GST_SECOND);
    EXPECT_EQ(gst_buffer_get_size(buffer.get()), i * 64000u);
    EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), 0u);
    EXPECT_EQ(GST_BUFFER_OFFSET_END(buffer.get()), i * 16000u);
    EXPECT_EQ(GST_BUFFER_IS_DISCONT(buffer.get()), i == 1);
    const VedetteAudioWindowMeta* meta = audio_window_meta(buffer.get());
    ASSERT_NE(meta, nullptr);
    EXPECT_EQ(meta->epoch, 0u);
    EXPECT_EQ(meta->running_time, 5 * GST_SECOND);
    EXPECT_NEAR(meta->level_dbfs, -9.0F, 0.2F);
    EXPECT_FALSE(meta->silent || meta->last || meta->moved_on);
  }
}

TEST_F(WindowTest, CapsCarryTheMetaAndSurviveRenegotiation) {
  push(0, GST_SECOND);
  EXPECT_EQ(caps_of(harness.get(), "src"), kWindowCaps);
  gst_harness_set_src_caps_str(harness.get(), kSoundCaps);
  push(GST_SECOND, GST_SECOND);
  EXPECT_EQ(waiting(), 2u) << "the same caps again interrupt nothing";
  EXPECT_EQ(caps_of(harness.get(), "src"), kWindowCaps);
}

TEST_F(WindowTest, RefusesOtherSound) {
  for (const char* text : {"audio/x-raw,format=S16LE,rate=16000,channels=1,layout=interleaved",
                           "audio/x-raw,format=F32LE,rate=48000,channels=1,layout=interleaved",
                           "audio/x-raw,format=F32LE,rate=16000,channels=2,layout=interleaved"}) {
    GstCaps* caps = gst_caps_from_string(text);
    EXPECT_FALSE(gst_pad_peer_query_accept_caps(harness->srcpad, caps)) << text;
    gst_caps_unref(caps);
  }
}

TEST_F(WindowTest, SilenceIsAGap) {
  push(0, GST_SECOND, 0.0F);
  const Buffer buffer = pull(harness.get());
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_GAP));
  EXPECT_TRUE(audio_window_meta(buffer.get())->silent);
  EXPECT_FLOAT_EQ(audio_window_meta(buffer.get())->level_dbfs, -120.0F);
}

TEST_F(WindowTest, SettledSoundLeavesTheWindow) {
  push(0, 3 * GST_SECOND);
  EXPECT_TRUE(gst_harness_push_upstream_event(harness.get(), new_settled_event(0, 2500 * GST_MSECOND)));
  EXPECT_TRUE(gst_harness_push_upstream_event(harness.get(), new_settled_event(7, 3 * GST_SECOND)))
      << "of another epoch: ignored";
  push(3 * GST_SECOND, GST_SECOND);
  for (int i = 0; i < 3; ++i) pull(harness.get());
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 2500 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), 1500 * GST_MSECOND);
}

TEST_F(WindowTest, EndOfStreamGivesTheRestFirst) {
  push(0, 1300 * GST_MSECOND);
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_eos()));
  pull(harness.get());
  const Buffer last = pull(harness.get());
  EXPECT_TRUE(audio_window_meta(last.get())->last);
  EXPECT_EQ(GST_BUFFER_DURATION(last.get()), 1300 * GST_MSECOND);
  GstEvent* event = nullptr;
  bool ended = false;
  while ((event = gst_harness_try_pull_event(harness.get())) != nullptr) {
    ended |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(ended);
}

TEST_F(WindowTest, AFlushForgetsAndBeginsAnEpoch) {
  push(0, 1500 * GST_MSECOND);
  pull(harness.get());
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push(10 * GST_SECOND, GST_SECOND);
  ASSERT_EQ(waiting(), 1u);
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 10 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), GST_SECOND);
  EXPECT_EQ(audio_window_meta(buffer.get())->epoch, 1u);
  EXPECT_TRUE(GST_BUFFER_IS_DISCONT(buffer.get()));
}

TEST_F(WindowTest, AJumpEndsTheEpochWithItsLastWindow) {
  push(0, 1500 * GST_MSECOND);
  push(5 * GST_SECOND, GST_SECOND);
  ASSERT_EQ(waiting(), 3u);
  pull(harness.get());
  const Buffer last = pull(harness.get());
  EXPECT_TRUE(audio_window_meta(last.get())->last);
  EXPECT_EQ(GST_BUFFER_DURATION(last.get()), 1500 * GST_MSECOND);
  const Buffer next = pull(harness.get());
  EXPECT_EQ(audio_window_meta(next.get())->epoch, 1u);
  EXPECT_EQ(GST_BUFFER_PTS(next.get()), 5 * GST_SECOND);
  EXPECT_EQ(audio_window_meta(next.get())->running_time, 5 * GST_SECOND);
}

TEST_F(WindowTest, AJumpBackEndsTheEpochToo) {
  push(10 * GST_SECOND, 1500 * GST_MSECOND);
  push(2 * GST_SECOND, GST_SECOND);
  ASSERT_EQ(waiting(), 3u);
  for (int i = 0; i < 2; ++i) pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(pull(harness.get()).get()), 2 * GST_SECOND);
}

TEST_F(WindowTest, AShortGapIsFilledWithSilence) {
  push(0, 500 * GST_MSECOND);
  push(700 * GST_MSECOND, 300 * GST_MSECOND);
  ASSERT_EQ(waiting(), 1u);
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), GST_SECOND);
  GstMapInfo map;
  gst_buffer_map(buffer.get(), &map, GST_MAP_READ);
  const auto* samples = reinterpret_cast<const float*>(map.data);
  for (int i = 8000; i < 11200; ++i) ASSERT_EQ(samples[i], 0.0F) << i;
  EXPECT_NE(samples[11201], 0.0F);
  gst_buffer_unmap(buffer.get(), &map);
  EXPECT_EQ(stat("gap-samples"), 3200u);
}

TEST_F(WindowTest, SoundThatComesTwiceIsTakenOnce) {
  push(0, 800 * GST_MSECOND);
  push(500 * GST_MSECOND, 500 * GST_MSECOND);
  ASSERT_EQ(waiting(), 1u);
  EXPECT_EQ(GST_BUFFER_DURATION(pull(harness.get()).get()), GST_SECOND);
  EXPECT_EQ(stat("overlap-samples"), 4800u);
}

TEST_F(WindowTest, SmallStrayingOfTimestampsIsIgnored) {
  for (GstClockTime i = 0; i < 20; ++i) {
    const GstClockTime stray = i % 2 == 0 ? 30 * GST_MSECOND : 0;
    gst_harness_push(harness.get(), sound(i * 100 * GST_MSECOND + stray, 100 * GST_MSECOND));
  }
  ASSERT_EQ(waiting(), 2u);
  EXPECT_EQ(stat("gap-samples") + stat("overlap-samples"), 0u);
}

TEST_F(WindowTest, AGapEventIsSilence) {
  push(0, 500 * GST_MSECOND);
  gst_harness_push_event(harness.get(), gst_event_new_gap(500 * GST_MSECOND, 500 * GST_MSECOND));
  ASSERT_EQ(waiting(), 1u);
  EXPECT_EQ(GST_BUFFER_DURATION(pull(harness.get()).get()), GST_SECOND);
}

TEST_F(WindowTest, ASegmentThatGoesOnKeepsTheEpochAndAnotherEndsIt) {
  push(0, 1500 * GST_MSECOND);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.stop = 100 * GST_SECOND;
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push(1500 * GST_MSECOND, 500 * GST_MSECOND);
  EXPECT_EQ(waiting(), 2u);
  segment.base = 2 * GST_SECOND;  // as `concat` does: the next file starts at 0 again
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  ASSERT_EQ(waiting(), 3u);
  push(0, GST_SECOND);
  ASSERT_EQ(waiting(), 4u);
  for (int i = 0; i < 2; ++i) pull(harness.get());
  EXPECT_TRUE(audio_window_meta(pull(harness.get()).get())->last);
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(audio_window_meta(buffer.get())->epoch, 1u);
  EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 0u);
  EXPECT_EQ(audio_window_meta(buffer.get())->running_time, 2 * GST_SECOND);
}

TEST_F(WindowTest, SoundOutsideTheSegmentIsCut) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = 250 * GST_MSECOND;
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  push(0, 1300 * GST_MSECOND);
  ASSERT_EQ(waiting(), 1u);
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 250 * GST_MSECOND);
  EXPECT_EQ(audio_window_meta(buffer.get())->running_time, 0u);
}

TEST_F(WindowTest, LatencyGrowsByOneHop) {
  gst_harness_set_upstream_latency(harness.get(), 200 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(harness.get()), 1200 * GST_MSECOND);
}

TEST_F(WindowTest, DownstreamErrorsComeBack) {
  gst_pad_set_active(harness->sinkpad, FALSE);
  for (int i = 0; i < 9; ++i)
    gst_harness_push(harness.get(),
                     sound(static_cast<GstClockTime>(i) * 100 * GST_MSECOND, 100 * GST_MSECOND));
  EXPECT_EQ(gst_harness_push(harness.get(), sound(900 * GST_MSECOND, 100 * GST_MSECOND)), GST_FLOW_FLUSHING);
}

TEST_F(WindowTest, AFullWindowMovesOnAndCountsIt) {
  push(0, 32 * GST_SECOND);
  EXPECT_EQ(stat("windows"), 32u);
  EXPECT_EQ(stat("moved-on"), 1u);
  EXPECT_EQ(stat("epochs"), 1u);
}

TEST_F(WindowTest, OddOptionsFailTheStateChangeWithAReason) {
  GstElement* element = gst_element_factory_make("vedaudiowindow", nullptr);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "longest", 2000, "keep", 5000, nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(error_on(bus), "audio window: keep must be shorter than `longest` (in ms), not 5000");
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
}

TEST_F(WindowTest, ASegmentInBytesIsAnError) {
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(harness->element, bus);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(error_on(bus),
            "expected a forward segment in time format, received one in bytes format at rate 1");
  gst_element_set_bus(harness->element, nullptr);
  gst_object_unref(bus);
}

struct WholeWindowTest : WindowTest {
  WholeWindowTest() {
    harness.reset(gst_harness_new_parse("vedaudiowindow whole=true"));
    gst_harness_set_src_caps_str(harness.get(), kSoundCaps);
  }
  ~WholeWindowTest() override {
    if (pusher.joinable()) pusher.join();
  }
  // Pushes on a thread of its own, for the element waits.
  void push_aside(GstClockTime length) {
    pusher = std::thread([this, length] {
      for (GstClockTime at = 0; at < length; at += 100 * GST_MSECOND)
        gst_harness_push(harness.get(), sound(at, 100 * GST_MSECOND));
      gst_harness_push_event(harness.get(), gst_event_new_eos());
    });
  }
  std::thread pusher;
};

TEST_F(WholeWindowTest, EachWaitsToBeToldWhereTheNextBegins) {
  push_aside(40 * GST_SECOND);
  const Buffer first = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_DURATION(first.get()), 30 * GST_SECOND);
  EXPECT_TRUE(gst_harness_push_upstream_event(harness.get(), new_settled_event(0, 25 * GST_SECOND)));
  const Buffer second = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_PTS(second.get()), 25 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(second.get()), 15 * GST_SECOND);
  EXPECT_TRUE(gst_harness_push_upstream_event(harness.get(), new_settled_event(0, 40 * GST_SECOND)));
  const Buffer last = pull(harness.get());
  EXPECT_TRUE(audio_window_meta(last.get())->last);
  EXPECT_TRUE(audio_window_meta(last.get())->silent);
}

TEST_F(WholeWindowTest, AFlushEndsTheWait) {
  push_aside(40 * GST_SECOND);
  const Buffer first = pull(harness.get());
  gst_harness_push_event(harness.get(), gst_event_new_flush_start());
  pusher.join();
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(WholeWindowTest, AStopEndsTheWait) {
  push_aside(40 * GST_SECOND);
  const Buffer first = pull(harness.get());
  gst_element_set_state(harness->element, GST_STATE_READY);
  pusher.join();
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(WindowTest, StartsAnewAfterAStop) {
  push(0, 1500 * GST_MSECOND);
  pull(harness.get());
  gst_element_set_state(harness->element, GST_STATE_NULL);
  gst_harness_play(harness.get());
  gst_harness_set_src_caps_str(harness.get(), kSoundCaps);
  push(0, GST_SECOND);
  const Buffer buffer = pull(harness.get());
  EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), GST_SECOND);
  EXPECT_EQ(audio_window_meta(buffer.get())->epoch, 0u);
}

}  // namespace
}  // namespace vedette::gst::test
