// vedaudioencoder: windows of sound in, the same windows with a speech model's features on them out.
//
//   gst-launch-1.0 -m filesrc location=speech.flac ! decodebin ! audioconvert ! audioresample !
//   vedaudiowindow
//     ! vedaudioencoder model=models/whisper-tiny.en ! fakesink
//
// What it does with queues, events and models is its base's (vedencoder.h). Each window comes out with a
// VedetteAudioFeaturesMeta (audio_meta.h), and is told by an element message `vedette-audio-features`.
// Windows that vedaudiowindow marked as silent pass with empty features.
#include "gst-plugins/vedaudioencoder.h"

#include "gst-plugins/audio_buffer_encoding.h"
#include "gst-plugins/audio_meta.h"
#include "models/runtime/runtime.h"

namespace vedette::gst {

namespace {

#define VEDETTE_SOUND "format=(string)F32LE, rate=(int)16000, channels=(int)1, layout=(string)interleaved"
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw(meta:VedetteAudioWindow), " VEDETTE_SOUND));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw(meta:VedetteAudioFeatures), " VEDETTE_SOUND));

constexpr EncoderTexts kTexts{
    .model = "speech model",
    .model_blurb =
        "Folder of a speech model, loaded when no context vedette.runtime is given; empty: the "
        "context must be given",
    .units = "windows",
    .most = "max-windows",
    .most_blurb = "Windows that the element holds, 1 to 64; the sink pad blocks when there are more",
    .most_held = 8,
    .supersede_blurb =
        "Leave out a waiting window that a newer one covers, while the encoder is behind (live "
        "sound); false: encode every window",
    .latency_ms = 500,
    .passed = "silent",
    .message = "vedette-audio-features",
    .message_blurb = "Post an element message vedette-audio-features for each window",
    .stats = "vedette-audio-encoder-stats",
    .stats_blurb =
        "Counts since the element started: windows, encoded, silent, superseded (a newer window was "
        "encoded in their place), flushed, failed, and held (now)",
};

class AudioEncoderKind final : public EncoderKind {
 public:
  const EncoderTexts& texts() const override { return kTexts; }
  bool has_model(const RuntimeHandle& runtime) const override { return runtime.hearing != nullptr; }
  RuntimeHandle load(const std::string& folder) const override {
    models::runtime::RuntimeOptions wanted;
    wanted.hear = folder;
    const std::shared_ptr<models::runtime::Runtime> loaded = models::runtime::Runtime::load(wanted);
    return {{loaded, &loaded->hearing()}};
  }
  std::unique_ptr<BufferEncoding> open(const RuntimeHandle& runtime) const override {
    return std::make_unique<AudioBufferEncoding>(runtime.hearing);
  }
  GstCaps* src_caps(GstCaps*) const override { return gst_static_pad_template_get_caps(&src_template); }
  GstStructure* describe(GstBuffer* buffer) const override;
};

GstStructure* AudioEncoderKind::describe(GstBuffer* buffer) const {
  const VedetteAudioWindowMeta* window = audio_window_meta(buffer);
  const models::tensor::Tensor& features = *audio_features_meta(buffer)->features;
  const auto extent = [&](int axis) { return features.empty() ? gint64{0} : gint64{features.shape()[axis]}; };
  GstStructure* text = gst_structure_new(kTexts.message, "start", G_TYPE_UINT64, GST_BUFFER_PTS(buffer),
                                         "duration", G_TYPE_UINT64, GST_BUFFER_DURATION(buffer), "frames",
                                         G_TYPE_INT64, extent(0), "hidden", G_TYPE_INT64, extent(1), nullptr);
  if (window != nullptr) {
    gst_structure_set(text, "epoch", G_TYPE_UINT, window->epoch, "level-dbfs", G_TYPE_DOUBLE,
                      static_cast<double>(window->level_dbfs), "silent", G_TYPE_BOOLEAN, window->silent,
                      "last", G_TYPE_BOOLEAN, window->last, nullptr);
  }
  return text;
}

}  // namespace

G_DEFINE_TYPE(VedAudioEncoder, ved_audio_encoder, ved_encoder_get_type())

static void ved_audio_encoder_class_init(VedAudioEncoderClass* klass) {
  static const AudioEncoderKind kind;
  ved_encoder_class_use(&klass->parent_class, kind, &sink_template, &src_template);
  gst_element_class_set_static_metadata(
      GST_ELEMENT_CLASS(klass), "Vedette audio encoder", "Filter/Analyzer/Audio",
      "Runs a speech model's encoder over windows of sound, asynchronously", "The Vedette authors");
}

static void ved_audio_encoder_init(VedAudioEncoder*) {}

}  // namespace vedette::gst
