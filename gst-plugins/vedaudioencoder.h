#pragma once

#include "gst-plugins/vedencoder.h"

namespace vedette::gst {

// Runs a speech model's encoder over windows of sound, asynchronously; see vedaudioencoder.cpp.
struct VedAudioEncoder {
  VedEncoder parent;
};
struct VedAudioEncoderClass {
  VedEncoderClass parent_class;
};

GType ved_audio_encoder_get_type();

}  // namespace vedette::gst
