#pragma once

#include <gst/base/gstbasetransform.h>

namespace vedette::gst {

class FrameSamplerElement;

// Passes on the video frames that are to be analysed; see vedframesampler.cpp.
struct VedFrameSampler {
  GstBaseTransform parent;
  FrameSamplerElement* self;
};
struct VedFrameSamplerClass {
  GstBaseTransformClass parent_class;
};

GType ved_frame_sampler_get_type();

}  // namespace vedette::gst
