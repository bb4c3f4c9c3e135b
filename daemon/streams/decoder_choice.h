#pragma once

#include <gst/gst.h>

#include "daemon/settings/settings.h"

namespace vedette::daemon::streams {

// GStreamer's own word for a decoder of a graphics card or another chip: NVDEC, VA-API, V4L2's stateful ones.
bool is_hardware_decoder(GstElementFactory* factory);

// Whether `object` is such a decoder, or inside of one.
bool inside_hardware_decoder(GstObject* object);

// From now on decodebin takes decoders by rank, hardware's among them, the next one where one does not open;
// with `kSoftware` none of hardware. All run on one thread, without read-ahead of frames: many streams share
// the processor.
void choose_decoder(GstElement* decodebin, settings::Decoder decoder);

}  // namespace vedette::daemon::streams
