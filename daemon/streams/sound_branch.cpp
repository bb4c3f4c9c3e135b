#include "daemon/streams/branches.h"

#include <string>
#include <string_view>

#include "daemon/streams/branch_parts.h"
#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::streams {

namespace {

constexpr std::string_view kSoundIn =
    "queue name=in max-size-time=30000000000 max-size-bytes=0 max-size-buffers=0 ! decodebin "
    "! audioconvert ! audioresample "
    "! audio/x-raw,format=F32LE,rate=16000,channels=1,layout=interleaved";
constexpr std::string_view kHearing =
    " ! vedaudiowindow name=window ! vedaudioencoder name=encoder post-messages=false "
    "! appsink name=out sync=false async=false max-buffers=8 enable-last-sample=false";
constexpr std::string_view kDeaf = " ! fakesink name=out sync=false async=false enable-last-sample=false";

GstPadProbeReturn saw_sound(GstPad* pad, GstBuffer* buffer, gpointer data) {
  const auto* hooks = static_cast<const MediaHooks*>(data);
  const auto time = running_time(pad, buffer);
  GstMapInfo map;
  if (!time || gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) return GST_PAD_PROBE_OK;
  hooks->on_sound(*time, {reinterpret_cast<const float*>(map.data), map.size / sizeof(float)});
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

GstFlowReturn take_window(GstAppSink* sink, gpointer data) {
  const GstPtr<GstSample> sample(gst_app_sink_pull_sample(sink));
  if (!sample) return GST_FLOW_EOS;
  static_cast<const MediaHooks*>(data)->on_window(gst_sample_get_buffer(sample.get()));
  return GST_FLOW_OK;
}

}  // namespace

GstElement* make_sound_branch(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime,
                              const BranchOptions& options, const MediaHooks* hooks) {
  const bool hears = runtime.hearing != nullptr;
  GstElement* bin = parse_branch(paced(kSoundIn, options, hears ? kHearing : kDeaf));
  expose_sink(bin, "in");
  watch_media(bin, "in", hooks);
  const char* after = hears ? "window" : "out";
  gst_pad_add_probe(pad_of(bin, after, "sink").get(), kBuffers, each_buffer<saw_sound>,
                    const_cast<MediaHooks*>(hooks), nullptr);
  if (!hears) return bin;
  const auto ms = [](std::chrono::milliseconds value) { return static_cast<guint>(value.count()); };
  g_object_set(child(bin, "window").get(), "hop", ms(stream.windows.hop), "longest",
               ms(stream.windows.longest), "keep", ms(stream.windows.keep), "lead-in",
               ms(stream.windows.lead_in), "silence-threshold", stream.windows.silence_dbfs, "shortest-sound",
               ms(stream.windows.shortest_sound), "whole", options.fast ? TRUE : FALSE, nullptr);
  const GstPtr<GstElement> encoder = child(bin, "encoder");
  if (options.fast) g_object_set(encoder.get(), "supersede", FALSE, "max-windows", 1, nullptr);
  const GstPtr<GstContext> context(gst::new_runtime_context(runtime));
  gst_element_set_context(encoder.get(), context.get());
  set_sink(bin, take_window, hooks,
           [](GstAppSink*, gpointer data) { static_cast<const MediaHooks*>(data)->on_windows_end(); });
  return bin;
}

}  // namespace vedette::daemon::streams
