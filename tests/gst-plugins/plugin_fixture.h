#pragma once

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "gst-plugins/audio_meta.h"
#include "gst-plugins/runtime_context.h"
#include "tests/support/fake_audio_encoding.h"

namespace vedette::gst::test {

inline constexpr const char* kSoundCaps = "audio/x-raw,format=F32LE,rate=16000,channels=1,layout=interleaved";
inline constexpr const char* kWindowCaps =
    "audio/x-raw(meta:VedetteAudioWindow), format=(string)F32LE, rate=(int)16000, channels=(int)1, "
    "layout=(string)interleaved";

// GStreamer with the plugin of this build, once per program.
inline void load_plugin() {
  static const bool loaded = [] {
    gst_init(nullptr, nullptr);
    GError* error = nullptr;
    GstPlugin* plugin =
        gst_plugin_load_file(VEDETTE_BINARY_DIR "/lib/gstreamer-1.0/libgstvedette.so", &error);
    EXPECT_NE(plugin, nullptr) << (error == nullptr ? "" : error->message);
    g_clear_error(&error);
    if (plugin != nullptr) gst_object_unref(plugin);
    return true;
  }();
  EXPECT_TRUE(loaded);
}

struct HarnessFree {
  void operator()(GstHarness* harness) const { gst_harness_teardown(harness); }
};
using Harness = std::unique_ptr<GstHarness, HarnessFree>;

struct BufferFree {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
};
using Buffer = std::unique_ptr<GstBuffer, BufferFree>;

inline Buffer pull(GstHarness* harness) {
  return Buffer(gst_harness_pull(harness));
}

// Sound of this length at this time; `amplitude` 0 is silence.
inline GstBuffer* sound(GstClockTime pts, GstClockTime length, float amplitude = 0.5F) {
  const auto samples = static_cast<gsize>(gst_util_uint64_scale(length, 16000, GST_SECOND));
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, samples * sizeof(float), nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < samples; ++i) {
    reinterpret_cast<float*>(map.data)[i] = amplitude * std::sin(0.1F * static_cast<float>(i));
  }
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = length;
  return buffer;
}

// Caps that the element's pad has now, as text.
inline std::string caps_of(GstHarness* harness, const char* pad_name) {
  GstPad* pad = gst_element_get_static_pad(harness->element, pad_name);
  GstCaps* caps = gst_pad_get_current_caps(pad);
  gst_object_unref(pad);
  if (caps == nullptr) return "";
  gchar* text = gst_caps_to_string(caps);
  std::string result = text;
  g_free(text);
  gst_caps_unref(caps);
  return result;
}

// The first error on the bus, or "".
inline std::string error_on(GstBus* bus) {
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  if (message == nullptr) return "";
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  std::string text = error->message;
  g_clear_error(&error);
  gst_message_unref(message);
  return text;
}

}  // namespace vedette::gst::test
