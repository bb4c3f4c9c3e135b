#pragma once

#include <gst/gst.h>

#include <memory>

namespace vedette::daemon::streams {

// Owners of GStreamer's counted things.
struct GstUnref {
  void operator()(GstObject* object) const { gst_object_unref(object); }
  void operator()(GstElement* element) const { gst_object_unref(element); }
  void operator()(GstPad* pad) const { gst_object_unref(pad); }
  void operator()(GstBus* bus) const { gst_object_unref(bus); }
  void operator()(GstClock* clock) const { gst_object_unref(clock); }
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
  void operator()(GstMessage* message) const { gst_message_unref(message); }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
  void operator()(GstEvent* event) const { gst_event_unref(event); }
  void operator()(GstContext* context) const { gst_context_unref(context); }
};
template <class T>
using GstPtr = std::unique_ptr<T, GstUnref>;

struct ObjectUnref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using GObjectPtr = std::unique_ptr<T, ObjectUnref>;

struct GlibFree {
  void operator()(char* text) const { g_free(text); }
  void operator()(GError* error) const { g_error_free(error); }
};
using GlibText = std::unique_ptr<char, GlibFree>;
using GlibError = std::unique_ptr<GError, GlibFree>;

}  // namespace vedette::daemon::streams
