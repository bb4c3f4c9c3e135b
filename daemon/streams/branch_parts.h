#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/streams/branches.h"
#include "daemon/streams/gst_handles.h"

// What the branches of sound and of picture are made of. For this folder and daemon/probe.
namespace vedette::daemon::streams {

// A file that keeps its pace does so after the decoder: before it, the decoder would wait for a clock that
// waits for it.
std::string paced(std::string_view in, const BranchOptions& options, std::string_view out);

// The bin of a gst-launch description. Throws: std::runtime_error when it cannot be built.
GstElement* parse_branch(const std::string& description);
GstPtr<GstElement> child(GstElement* bin, const char* name);
GstPtr<GstPad> pad_of(GstElement* bin, const char* name, const char* pad);
// Makes the sink pad of the child `first` that of the bin.
void expose_sink(GstElement* bin, const char* first);

// Running time of a buffer on this pad; nothing for one that lies outside the segment or has no time.
std::optional<std::chrono::nanoseconds> running_time(GstPad* pad, GstBuffer* buffer);

using BufferProbe = GstPadProbeReturn (*)(GstPad*, GstBuffer*, gpointer);

// Calls `probe` with each buffer of the pad, also of lists.
template <BufferProbe probe>
GstPadProbeReturn each_buffer(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
  if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    return probe(pad, GST_PAD_PROBE_INFO_BUFFER(info), data);
  }
  GstBufferList* list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
  for (guint i = 0; i < gst_buffer_list_length(list); ++i) probe(pad, gst_buffer_list_get(list, i), data);
  return GST_PAD_PROBE_OK;
}

inline constexpr auto kBuffers =
    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);

// Tells the hooks of what comes from the source, at the beginning of a branch.
void watch_media(GstElement* bin, const char* first, const MediaHooks* hooks);

// Gives what comes to the child `out` to `take`, and its end to `ended`.
void set_sink(GstElement* bin, GstFlowReturn (*take)(GstAppSink*, gpointer), const MediaHooks* hooks,
              void (*ended)(GstAppSink*, gpointer) = nullptr);

}  // namespace vedette::daemon::streams
