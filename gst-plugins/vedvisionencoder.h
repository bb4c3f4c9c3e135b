#pragma once

#include "gst-plugins/vedencoder.h"

namespace vedette::gst {

// Runs a vision encoder over video frames, asynchronously; see vedvisionencoder.cpp.
struct VedVisionEncoder {
  VedEncoder parent;
};
struct VedVisionEncoderClass {
  VedEncoderClass parent_class;
};

GType ved_vision_encoder_get_type();

}  // namespace vedette::gst
