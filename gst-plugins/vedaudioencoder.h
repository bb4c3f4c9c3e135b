#pragma once

#include <gst/gst.h>

namespace vedette::gst {

class AudioEncoderElement;

// Runs a speech model's encoder over windows of sound, asynchronously; see vedaudioencoder.cpp.
struct VedAudioEncoder {
  GstElement parent;
  AudioEncoderElement* self;
};
struct VedAudioEncoderClass {
  GstElementClass parent_class;
};

GType ved_audio_encoder_get_type();

}  // namespace vedette::gst
