#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

#include "models/runtime/image_encoding.h"

namespace vedette::gst {

// What vedframesampler says about a frame that it passes, with `pass-unchanged`.
struct VedetteFrameMeta {
  GstMeta meta;
  guint32 epoch;         // of the last event `vedette-epoch`; 0 before the first
  guint64 running_time;  // ns
  float change;          // share of the picture that changed since the last frame that was not held back
  gboolean unchanged;    // held back: it needs no encoder
  guint32 lost;          // frames in whose place this one was encoded
};
VedetteFrameMeta* add_frame_meta(GstBuffer* buffer);
VedetteFrameMeta* frame_meta(GstBuffer* buffer);  // null when the buffer has none

// Serialized event that tells vedframesampler that what comes is of another epoch: the next frame is due and
// kept. A custom downstream event with the structure
//   vedette-epoch, epoch=(uint)E
inline constexpr const char* kEpochEvent = "vedette-epoch";
GstEvent* new_epoch_event(guint32 epoch);
// The epoch that an event of any kind tells of.
std::optional<std::uint32_t> epoch_of(GstEvent* event);

// What vedvisionencoder made of a frame, on the same buffer. What it points to is owned by the meta; a
// buffer's copy shares nothing (the one reader moves it out, never copies).
struct VedetteVisionMeta {
  GstMeta meta;
  models::runtime::EncodedImage* seen;  // empty: the frame was held back
};

// The metas' types carry fixed names, so that the plugin and the daemon, which are linked apart, mean the
// same ones.
VedetteVisionMeta* add_vision_meta(GstBuffer* buffer, models::runtime::EncodedImage seen);
VedetteVisionMeta* vision_meta(GstBuffer* buffer);  // null when the buffer has none

}  // namespace vedette::gst
