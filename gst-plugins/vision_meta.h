#pragma once

#include <gst/gst.h>

#include <vector>

#include "models/runtime/image_encoding.h"

namespace vedette::gst {

// What vedvisionencoder made of a frame, on the same buffer. What it points to is owned by the meta; a
// buffer's copy shares nothing (the one reader moves it out, never copies).
struct VedetteVisionMeta {
  GstMeta meta;
  models::tensor::Tensor* tokens;                     // [tokens, hidden of the LLM] f32 or bf16
  std::vector<models::runtime::Sighting>* sightings;  // the likeliest first
};

// The meta's type carries a fixed name, so that the plugin and the daemon, which are linked apart, mean the
// same one.
VedetteVisionMeta* add_vision_meta(GstBuffer* buffer, models::tensor::Tensor tokens,
                                   std::vector<models::runtime::Sighting> sightings);
VedetteVisionMeta* vision_meta(GstBuffer* buffer);  // null when the buffer has none

}  // namespace vedette::gst
