#pragma once

#include <gst/gst.h>

#include <cstdint>

#include "models/tensor/tensor.h"

namespace vedette::gst {

// What vedaudiowindow says about a window, on the buffer that holds its samples. The buffer's PTS and
// duration are the window's; windows of one epoch overlap.
struct VedetteAudioWindowMeta {
  GstMeta meta;
  guint32
      epoch;  // counted by the element from 0; a flush, a jump or a non-contiguous segment begins a new one
  guint64 running_time;  // of the first sample, ns
  float level_dbfs;      // RMS of the part that is new since the last window
  gboolean silent;       // gated: nothing in it needs the encoder
  gboolean moved_on;     // sound before it left the window although nobody settled it
  gboolean last;         // the epoch ends here
};

// What vedaudioencoder made of a window, on the same buffer. Shaped to become a GstAnalytics tensor meta. The
// tensor is owned by the meta; a buffer's copy shares no features (they are moved out by the one reader,
// never copied).
struct VedetteAudioFeaturesMeta {
  GstMeta meta;
  models::tensor::Tensor*
      features;  // [frames, hidden] f32 or bf16; empty when the window was gated as silent
};

// The metas' types carry fixed names, so that the plugin and the daemon, which are linked apart, mean the
// same ones.
VedetteAudioWindowMeta* add_audio_window_meta(GstBuffer* buffer);
VedetteAudioWindowMeta* audio_window_meta(GstBuffer* buffer);  // null when the buffer has none
VedetteAudioFeaturesMeta* add_audio_features_meta(GstBuffer* buffer, models::tensor::Tensor features);
VedetteAudioFeaturesMeta* audio_features_meta(GstBuffer* buffer);  // null when the buffer has none

// Upstream event that tells vedaudiowindow what is settled: a custom upstream event with the structure
//   vedette-settled, epoch=(uint)E, running-time=(guint64)NS
// Sound of epoch E before NS needs no further window. An event of another epoch is ignored.
inline constexpr const char* kSettledEvent = "vedette-settled";
GstEvent* new_settled_event(guint32 epoch, guint64 running_time);

}  // namespace vedette::gst
