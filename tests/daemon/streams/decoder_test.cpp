// Which decoder of pictures is taken: no test machine has one in hardware, so one is made that says it were.
#include <gst/gst.h>

#include <atomic>

#include "daemon/streams/gst_handles.h"
#include "tests/daemon/streams/streams_fixture.h"

namespace vedette::daemon::streams {
namespace {

enum class Fate : std::uint8_t { kWorks, kDoesNotOpen, kFailsLater };
std::atomic<Fate> fate;
std::atomic<int> made;

// avdec_h264 inside of an element of the class Hardware.
struct PretendedDecoder {
  GstBin parent;
};
struct PretendedDecoderClass {
  GstBinClass parent;
};
G_DEFINE_TYPE(PretendedDecoder, pretended_decoder, GST_TYPE_BIN)

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
  if (change == GST_STATE_CHANGE_NULL_TO_READY && fate == Fate::kDoesNotOpen) return GST_STATE_CHANGE_FAILURE;
  return GST_ELEMENT_CLASS(pretended_decoder_parent_class)->change_state(element, change);
}

void pretended_decoder_class_init(PretendedDecoderClass* klass) {
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  gst_element_class_set_static_metadata(element, "Pretended", "Codec/Decoder/Video/Hardware", "avdec_h264",
                                        "test");
  GstCaps* h264 = gst_caps_from_string("video/x-h264,stream-format=byte-stream,alignment=au");
  GstCaps* raw = gst_caps_new_empty_simple("video/x-raw");
  gst_element_class_add_pad_template(element,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, h264));
  gst_element_class_add_pad_template(element, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, raw));
  gst_caps_unref(h264);
  gst_caps_unref(raw);
}

void pretended_decoder_init(PretendedDecoder* decoder) {
  ++made;
  GstElement* inner = gst_element_factory_make("avdec_h264", nullptr);
  GstElement* after = gst_element_factory_make("identity", nullptr);
  if (fate == Fate::kFailsLater) g_object_set(after, "error-after", 3, nullptr);
  gst_bin_add_many(GST_BIN(decoder), inner, after, nullptr);
  gst_element_link(inner, after);
  const GstPtr<GstPad> sink(gst_element_get_static_pad(inner, "sink")),
      src(gst_element_get_static_pad(after, "src"));
  gst_element_add_pad(GST_ELEMENT(decoder), gst_ghost_pad_new("sink", sink.get()));
  gst_element_add_pad(GST_ELEMENT(decoder), gst_ghost_pad_new("src", src.get()));
}

struct DecoderTest : StreamsTest {
  DecoderTest() {
    static const bool registered = gst_element_register(nullptr, "pretendeddec", GST_RANK_PRIMARY + 100,
                                                        pretended_decoder_get_type()) != FALSE;
    EXPECT_TRUE(registered);
    made = 0;
  }
  ~DecoderTest() override {
    supervisor.stop();
    fate = Fate::kDoesNotOpen;
  }

  settings::StreamSettings coded() {
    settings::StreamSettings stream = StreamsTest::stream("");
    stream.pipeline =
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=10/1 ! x264enc "
        "tune=zerolatency speed-preset=ultrafast ! capsfilter caps=video/x-h264,stream-format=byte-stream";
    stream.video_rate_hz = 5.0;
    return stream;
  }
  bool sees(std::size_t pictures, std::uint32_t from_epoch = 0) {
    return feed->wait_for([&](const Log& log) {
      return static_cast<std::size_t>(std::ranges::count_if(log.seen, [&](const auto& seen) {
               return !seen.last && seen.time.epoch >= from_epoch;
             })) >= pictures;
    });
  }
};

TEST_F(DecoderTest, OneInHardwareIsTakenByItsRank) {
  fate = Fate::kWorks;
  supervisor.start(coded(), feed);
  EXPECT_TRUE(sees(3)) << feed->log().status_text();
  EXPECT_EQ(made, 1);
}

TEST_F(DecoderTest, OneThatDoesNotOpenIsPassedOver) {
  fate = Fate::kDoesNotOpen;
  supervisor.start(coded(), feed);
  EXPECT_TRUE(sees(3)) << feed->log().status_text();
  EXPECT_EQ(made, 1) << "it was tried";
  EXPECT_FALSE(feed->log().has_status(StreamState::kReconnecting, "decode"));
}

TEST_F(DecoderTest, OneThatFailsLaterIsNotTakenAgain) {
  fate = Fate::kFailsLater;
  supervisor.start(coded(), feed);
  EXPECT_TRUE(sees(8, 1)) << feed->log().status_text();
  EXPECT_EQ(made, 1);
}

TEST_F(DecoderTest, SoftwareMeansSoftware) {
  fate = Fate::kWorks;
  settings::StreamSettings stream = coded();
  stream.decoder = settings::Decoder::kSoftware;
  supervisor.start(stream, feed);
  EXPECT_TRUE(sees(3)) << feed->log().status_text();
  EXPECT_EQ(made, 0);
}

}  // namespace
}  // namespace vedette::daemon::streams
