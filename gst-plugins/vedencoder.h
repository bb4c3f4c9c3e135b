#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>

#include "gst-plugins/buffer_encoding.h"
#include "gst-plugins/runtime_context.h"

namespace vedette::gst {

class EncoderElement;

// The words and defaults in which the encoder elements' properties, statistics and errors differ.
struct EncoderTexts {
  const char* model;  // "speech model", for errors
  const char* model_blurb;
  const char* units;  // "windows": what buffers are called
  const char* most;   // "max-windows": the property of how many are held
  const char* most_blurb;
  guint most_held;  // its default
  const char* supersede_blurb;
  guint latency_ms;     // default of `latency`
  const char* passed;   // "silent": counts what needed no encoder
  const char* message;  // "vedette-audio-features": name of the element message
  const char* message_blurb;
  const char* stats;  // "vedette-audio-encoder-stats"
  const char* stats_blurb;
};

// What a subclass of VedEncoder is, whole: its words, its models, its caps. Stateless, one static object
// each.
class EncoderKind {
 public:
  virtual ~EncoderKind() = default;
  virtual const EncoderTexts& texts() const = 0;
  virtual bool has_model(const RuntimeHandle& runtime) const = 0;
  // Throws: std::exception when the folder cannot be loaded.
  virtual RuntimeHandle load(const std::string& folder) const = 0;
  // Requires: has_model().
  virtual std::unique_ptr<BufferEncoding> open(const RuntimeHandle& runtime) const = 0;
  // Caps of the source pad for these of the sink pad; the caller owns them.
  virtual GstCaps* src_caps(GstCaps* sink_caps) const = 0;
  // The element message that tells of a finished buffer.
  virtual GstStructure* describe(GstBuffer* buffer) const = 0;
};

// Base of the encoder elements (vedaudioencoder, vedvisionencoder), and all that they share. The sink pad
// enqueues and returns; a task on the source pad pushes finished buffers in order, each with its meta. FLUSH
// drops what is in flight, EOS and caps changes follow what came before them. The models come by the context
// `vedette.runtime` (runtime_context.h); where nobody answers, the element loads the folder `model` itself
// and says so with HAVE_CONTEXT. With `post-messages` each buffer is also told by an element message.
struct VedEncoder {
  GstElement parent;
  EncoderElement* self;
};
struct VedEncoderClass {
  GstElementClass parent_class;
  const EncoderKind* kind;
};

GType ved_encoder_get_type();

// For the class_init of a subclass, which then adds its metadata: sets the kind, installs pads and
// properties.
void ved_encoder_class_use(VedEncoderClass* klass, const EncoderKind& kind, GstStaticPadTemplate* sink,
                           GstStaticPadTemplate* src);

}  // namespace vedette::gst
