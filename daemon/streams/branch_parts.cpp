#include "daemon/streams/branch_parts.h"

#include <stdexcept>

namespace vedette::daemon::streams {

using std::chrono::nanoseconds;

std::string paced(std::string_view in, const BranchOptions& options, std::string_view out) {
  return std::string(in) + (options.paced ? " ! clocksync" : "") + std::string(out);
}

GstElement* parse_branch(const std::string& description) {
  GError* raw = nullptr;
  GstElement* bin = gst_parse_bin_from_description(description.c_str(), FALSE, &raw);
  const GlibError error(raw);
  if (bin == nullptr || error) {
    if (bin != nullptr) gst_object_unref(gst_object_ref_sink(bin));
    throw std::runtime_error(std::string("cannot build a pipeline: ") +
                             (error ? error->message : "unknown error"));
  }
  // A decoder that is not ready yet must not hold up the rest of the pipeline.
  g_object_set(bin, "async-handling", TRUE, nullptr);
  return bin;
}

GstPtr<GstElement> child(GstElement* bin, const char* name) {
  return GstPtr<GstElement>(gst_bin_get_by_name(GST_BIN(bin), name));
}

GstPtr<GstPad> pad_of(GstElement* bin, const char* name, const char* pad) {
  return GstPtr<GstPad>(gst_element_get_static_pad(child(bin, name).get(), pad));
}

void expose_sink(GstElement* bin, const char* first) {
  gst_element_add_pad(bin, gst_ghost_pad_new("sink", pad_of(bin, first, "sink").get()));
}

std::optional<nanoseconds> running_time(GstPad* pad, GstBuffer* buffer) {
  const GstClockTime time = GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : GST_BUFFER_DTS(buffer);
  GstEvent* event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
  if (event == nullptr) return std::nullopt;
  const GstPtr<GstEvent> owned(event);
  const GstSegment* segment = nullptr;
  gst_event_parse_segment(event, &segment);
  const GstClockTime running = gst_segment_to_running_time(segment, GST_FORMAT_TIME, time);
  if (!GST_CLOCK_TIME_IS_VALID(running)) return std::nullopt;
  return nanoseconds(static_cast<std::int64_t>(running));
}

namespace {

GstPadProbeReturn saw_media(GstPad* pad, GstBuffer* buffer, gpointer data) {
  const auto* hooks = static_cast<const MediaHooks*>(data);
  const auto time = running_time(pad, buffer);
  hooks->on_media(time.value_or(nanoseconds{-1}), gst_buffer_get_size(buffer));
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn saw_event(GstPad*, GstPadProbeInfo* info, gpointer data) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) static_cast<const MediaHooks*>(data)->on_end();
  if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) return GST_PAD_PROBE_OK;
  GstTagList* tags = nullptr;
  gst_event_parse_tag(event, &tags);
  static_cast<const MediaHooks*>(data)->on_tags(tags);
  return GST_PAD_PROBE_OK;
}

}  // namespace

void watch_media(GstElement* bin, const char* first, const MediaHooks* hooks) {
  const GstPtr<GstPad> pad = pad_of(bin, first, "sink");
  auto* data = const_cast<MediaHooks*>(hooks);
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, saw_event, data, nullptr);
  gst_pad_add_probe(pad.get(), kBuffers, each_buffer<saw_media>, data, nullptr);
}

void set_sink(GstElement* bin, GstFlowReturn (*take)(GstAppSink*, gpointer), const MediaHooks* hooks,
              void (*ended)(GstAppSink*, gpointer)) {
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = take;
  callbacks.eos = ended;
  gst_app_sink_set_callbacks(GST_APP_SINK(child(bin, "out").get()), &callbacks,
                             const_cast<MediaHooks*>(hooks), nullptr);
}

}  // namespace vedette::daemon::streams
