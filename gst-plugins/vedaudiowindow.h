#pragma once

#include <gst/gst.h>

namespace vedette::gst {

class AudioWindowElement;

// Cuts sound into overlapping windows for a speech model; see vedaudiowindow.cpp.
struct VedAudioWindow {
  GstElement parent;
  AudioWindowElement* self;
};
struct VedAudioWindowClass {
  GstElementClass parent_class;
};

GType ved_audio_window_get_type();

}  // namespace vedette::gst
