#include "daemon/streams/branches.h"

#include <gst/app/gstappsink.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::streams {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kSoundIn =
    "queue name=in max-size-time=30000000000 max-size-bytes=0 max-size-buffers=0 ! decodebin "
    "! audioconvert ! audioresample "
    "! audio/x-raw,format=F32LE,rate=16000,channels=1,layout=interleaved";
constexpr std::string_view kHearing =
    " ! vedaudiowindow name=window ! vedaudioencoder name=encoder post-messages=false "
    "! appsink name=out sync=false async=false max-buffers=8 enable-last-sample=false";
constexpr std::string_view kDeaf = " ! fakesink name=out sync=false async=false enable-last-sample=false";

constexpr std::string_view kPictureIn =
    "queue name=in max-size-time=2000000000 max-size-bytes=8000000 max-size-buffers=0 ! decodebin";
// Sight joins at the tee, before anything is made small.
constexpr std::string_view kPictureOut =
    " ! identity name=sampled silent=true "
    "! queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0 ! tee name=pictures "
    "pictures. ! videoscale add-borders=false ! videoconvert ! video/x-raw,format=GRAY8,width=160,height=90 "
    "! appsink name=out sync=false async=false max-buffers=2 drop=true enable-last-sample=false";

// A file that keeps its pace does so after the decoder: before it, the decoder would wait for a clock that
// waits for it.
std::string paced(std::string_view in, const BranchOptions& options, std::string_view out) {
  return std::string(in) + (options.paced ? " ! clocksync" : "") + std::string(out);
}

GstElement* parse(const std::string& description) {
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

// Running time of a buffer on this pad; nothing for one that lies outside the segment or has no time.
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

constexpr auto kBuffers =
    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);

GstPadProbeReturn saw_media(GstPad* pad, GstBuffer* buffer, gpointer data) {
  const auto* hooks = static_cast<const MediaHooks*>(data);
  const auto time = running_time(pad, buffer);
  hooks->on_media(time.value_or(nanoseconds{-1}), gst_buffer_get_size(buffer));
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn saw_event(GstPad*, GstPadProbeInfo* info, gpointer data) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) return GST_PAD_PROBE_OK;
  GstTagList* tags = nullptr;
  gst_event_parse_tag(event, &tags);
  static_cast<const MediaHooks*>(data)->on_tags(tags);
  return GST_PAD_PROBE_OK;
}

// What comes from the source, at the beginning of a branch.
void watch_media(GstElement* bin, const char* first, const MediaHooks* hooks) {
  const GstPtr<GstPad> pad = pad_of(bin, first, "sink");
  auto* data = const_cast<MediaHooks*>(hooks);
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, saw_event, data, nullptr);
  gst_pad_add_probe(pad.get(), kBuffers, each_buffer<saw_media>, data, nullptr);
}

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

GstFlowReturn take_picture(GstAppSink* sink, gpointer data) {
  const GstPtr<GstSample> sample(gst_app_sink_pull_sample(sink));
  if (!sample) return GST_FLOW_EOS;
  GstBuffer* buffer = gst_sample_get_buffer(sample.get());
  const GstClockTime time = gst_segment_to_running_time(gst_sample_get_segment(sample.get()), GST_FORMAT_TIME,
                                                        GST_BUFFER_PTS(buffer));
  GstMapInfo map;
  if (!GST_CLOCK_TIME_IS_VALID(time) || gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE)
    return GST_FLOW_OK;
  // 160 is a multiple of 4: GStreamer's GRAY8 rows have no padding.
  static_cast<const MediaHooks*>(data)->on_picture(nanoseconds(static_cast<std::int64_t>(time)),
                                                   {{map.data, map.size}, 160, 90, 160});
  gst_buffer_unmap(buffer, &map);
  return GST_FLOW_OK;
}

void set_sink(GstElement* bin, GstFlowReturn (*take)(GstAppSink*, gpointer), const MediaHooks* hooks) {
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = take;
  gst_app_sink_set_callbacks(GST_APP_SINK(child(bin, "out").get()), &callbacks,
                             const_cast<MediaHooks*>(hooks), nullptr);
}

// What passes on the way to the decoder and after it. Lives as long as the bin.
struct PictureGate {
  const MediaHooks* hooks;
  nanoseconds interval;  // between pictures that are looked at
  nanoseconds last_key{-1};
  nanoseconds next_look{0};
  bool decode_all = false;  // key frames are too rare to be enough
};

// Encoded pictures: counts each; only key frames go on to the decoder while they come often enough.
GstPadProbeReturn saw_unit(GstPad* pad, GstBuffer* buffer, gpointer data) {
  auto* gate = static_cast<PictureGate*>(data);
  const auto time = running_time(pad, buffer);
  if (!time) return GST_PAD_PROBE_OK;
  gate->hooks->on_frame(*time);
  const bool is_key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (!is_key) return gate->decode_all ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
  const nanoseconds longest = std::max(gate->interval, nanoseconds(std::chrono::seconds(2)));
  gate->decode_all = gate->last_key.count() >= 0 && *time - gate->last_key > longest;
  gate->last_key = *time;
  return GST_PAD_PROBE_OK;
}

// Decoded pictures: lets one through per interval.
GstPadProbeReturn sample_picture(GstPad* pad, GstBuffer* buffer, gpointer data) {
  auto* gate = static_cast<PictureGate*>(data);
  const auto time = running_time(pad, buffer);
  if (!time) return GST_PAD_PROBE_DROP;
  const bool jumped = gate->next_look - *time > 2 * gate->interval;
  if (*time < gate->next_look && !jumped) return GST_PAD_PROBE_DROP;
  gate->next_look = std::max(gate->next_look + gate->interval, *time + gate->interval / 2);
  if (jumped) gate->next_look = *time + gate->interval;
  return GST_PAD_PROBE_OK;
}

// Health needs no fast decoder: one thread, no read-ahead of frames.
void tame_decoder(GstBin*, GstBin*, GstElement* element, gpointer) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "max-threads") != nullptr) {
    g_object_set(element, "max-threads", 1, nullptr);
  }
}

bool is_raw(GstPad* pad) {
  const GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
  return caps && gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "video/x-raw");
}

GstPadProbeReturn saw_picture_in(GstPad* pad, GstBuffer* buffer, gpointer data) {
  if (!is_raw(pad)) return saw_unit(pad, buffer, data);
  const auto time = running_time(pad, buffer);
  if (time) static_cast<PictureGate*>(data)->hooks->on_frame(*time);
  return GST_PAD_PROBE_OK;
}

}  // namespace

GstElement* make_sound_branch(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime,
                              const BranchOptions& options, const MediaHooks* hooks) {
  const bool hears = runtime.hearing != nullptr;
  GstElement* bin = parse(paced(kSoundIn, options, hears ? kHearing : kDeaf));
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
  set_sink(bin, take_window, hooks);
  return bin;
}

GstElement* make_picture_branch(const settings::StreamSettings& stream, const BranchOptions& options,
                                const MediaHooks* hooks) {
  const std::string parser = options.is_rtp ? "parsebin name=parse ! " : "";
  GstElement* bin = parse(parser + paced(kPictureIn, options, kPictureOut));
  const char* first = options.is_rtp ? "parse" : "in";
  expose_sink(bin, first);
  const double rate = std::max(stream.video_rate_hz, 0.01);
  auto* gate = new PictureGate{hooks, nanoseconds(static_cast<std::int64_t>(1e9 / rate))};
  g_object_set_data_full(G_OBJECT(bin), "vedette-gate", gate,
                         [](gpointer data) { delete static_cast<PictureGate*>(data); });
  watch_media(bin, first, hooks);
  gst_pad_add_probe(pad_of(bin, "in", "sink").get(), kBuffers, each_buffer<saw_picture_in>, gate, nullptr);
  gst_pad_add_probe(pad_of(bin, "sampled", "sink").get(), kBuffers, each_buffer<sample_picture>, gate,
                    nullptr);
  g_signal_connect(bin, "deep-element-added", G_CALLBACK(tame_decoder), nullptr);
  set_sink(bin, take_picture, hooks);
  return bin;
}

}  // namespace vedette::daemon::streams
