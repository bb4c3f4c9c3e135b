// vedvisionencoder: video frames in, the same frames with a vision encoder's tokens on them out.
//
//   gst-launch-1.0 -m filesrc location=film.mp4 ! decodebin ! vedframesampler rate=1 ! videoconvert
//     ! vedvisionencoder model=models/vedette-nano ! fakesink
//
// What it does with queues, events and models is its base's (vedencoder.h). It takes frames of any size,
// reads them where they lie, and scales them as the model wants them. Each comes out with a VedetteVisionMeta
// (vision_meta.h), and is told by an element message `vedette-vision-tokens`. While the encoder is behind,
// the newest frame takes the place of the one that waits. A frame that vedframesampler marked as unchanged
// passes with an empty meta.
#include "gst-plugins/vedvisionencoder.h"

#include "gst-plugins/image_buffer_encoding.h"
#include "gst-plugins/vision_meta.h"
#include "models/runtime/runtime.h"

namespace vedette::gst {

namespace {

#define VEDETTE_PICTURE                                                                     \
  "format=(string){ I420, NV12, RGB }, width=(int)[ 1, 16384 ], height=(int)[ 1, 16384 ], " \
  "framerate=(fraction)[ "                                                                  \
  "0/1, 2147483647/1 ]"
GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw, " VEDETTE_PICTURE));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(meta:VedetteVision), " VEDETTE_PICTURE));

constexpr EncoderTexts kTexts{
    .model = "vision model",
    .model_blurb =
        "Folder of a vision-language model, loaded when no context vedette.runtime is given; empty: the "
        "context must be given",
    .units = "frames",
    .most = "max-frames",
    .most_blurb = "Frames that the element holds, 1 to 64; the sink pad blocks when there are more",
    .most_held = 2,
    .supersede_blurb =
        "Leave out a waiting frame for a newer one, while the encoder is behind (live video); false: encode "
        "every frame",
    .latency_ms = 500,
    .passed = "passed",
    .message = "vedette-vision-tokens",
    .message_blurb = "Post an element message vedette-vision-tokens for each frame",
    .stats = "vedette-vision-encoder-stats",
    .stats_blurb =
        "Counts since the element started: frames, encoded, passed (unchanged, says vedframesampler), "
        "superseded "
        "(a newer frame was encoded in their place), flushed, failed, and held (now)",
};

class VisionEncoderKind final : public EncoderKind {
 public:
  const EncoderTexts& texts() const override { return kTexts; }
  bool has_model(const RuntimeHandle& runtime) const override { return runtime.seeing != nullptr; }
  RuntimeHandle load(const std::string& folder) const override;
  std::unique_ptr<BufferEncoding> open(const RuntimeHandle& runtime) const override {
    return std::make_unique<ImageBufferEncoding>(runtime.seeing);
  }
  GstCaps* src_caps(GstCaps* sink_caps) const override {
    GstCaps* caps = gst_caps_copy(sink_caps);
    gst_caps_set_features_simple(caps, gst_caps_features_new("meta:VedetteVision", nullptr));
    return caps;
  }
  GstStructure* describe(GstBuffer* buffer) const override;
};

RuntimeHandle VisionEncoderKind::load(const std::string& folder) const {
  models::runtime::RuntimeOptions wanted;
  wanted.see = folder;
  const std::shared_ptr<models::runtime::Runtime> loaded = models::runtime::Runtime::load(wanted);
  RuntimeHandle runtime;
  runtime.seeing = {loaded, &loaded->seeing()};
  return runtime;
}

GstStructure* VisionEncoderKind::describe(GstBuffer* buffer) const {
  const models::runtime::EncodedImage& seen = *vision_meta(buffer)->seen;
  const auto extent = [&](int axis) {
    return seen.tokens.empty() ? gint64{0} : gint64{seen.tokens.shape()[axis]};
  };
  GstStructure* text = gst_structure_new(
      kTexts.message, "time", G_TYPE_UINT64, GST_BUFFER_PTS(buffer), "tokens", G_TYPE_INT64, extent(0),
      "hidden", G_TYPE_INT64, extent(1), "tile-rows", G_TYPE_INT, seen.tiles.rows, "tile-columns", G_TYPE_INT,
      seen.tiles.columns, "tiles-left-out", G_TYPE_INT, seen.tiles_left_out, nullptr);
  if (const VedetteFrameMeta* frame = frame_meta(buffer)) {
    gst_structure_set(text, "epoch", G_TYPE_UINT, frame->epoch, "change", G_TYPE_DOUBLE,
                      static_cast<double>(frame->change), "unchanged", G_TYPE_BOOLEAN, frame->unchanged,
                      "lost", G_TYPE_UINT, frame->lost, nullptr);
  }
  if (!seen.sightings.empty()) {
    const models::runtime::Sighting& first = seen.sightings.front();
    gst_structure_set(text, "what", G_TYPE_STRING, first.what.c_str(), "where", G_TYPE_STRING,
                      first.where.c_str(), "score", G_TYPE_DOUBLE, static_cast<double>(first.score), nullptr);
  }
  return text;
}

}  // namespace

G_DEFINE_TYPE(VedVisionEncoder, ved_vision_encoder, ved_encoder_get_type())

static void ved_vision_encoder_class_init(VedVisionEncoderClass* klass) {
  static const VisionEncoderKind kind;
  ved_encoder_class_use(&klass->parent_class, kind, &sink_template, &src_template);
  gst_element_class_set_static_metadata(
      GST_ELEMENT_CLASS(klass), "Vedette vision encoder", "Filter/Analyzer/Video",
      "Runs a vision model's encoder over video frames, asynchronously", "The Vedette authors");
}

static void ved_vision_encoder_init(VedVisionEncoder*) {}

}  // namespace vedette::gst
