#include <gst/app/gstappsink.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "daemon/streams/branch_parts.h"
#include "daemon/streams/branches.h"
#include "daemon/streams/gst_handles.h"
#include "gst-plugins/image_buffer_encoding.h"

namespace vedette::daemon::streams {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kPictureIn =
    "queue name=in max-size-time=2000000000 max-size-bytes=8000000 max-size-buffers=0 ! decodebin";
// Pictures of a file that is read as fast as it can be wait for its sound, which takes a window at a time.
constexpr std::string_view kWaitingPictureIn =
    "queue name=in max-size-time=0 max-size-bytes=256000000 max-size-buffers=0 ! decodebin";
// Only pictures that are wanted get past `wanted`; all that follows costs nothing for most of them. Of an
// interlaced picture the top field is taken, so that what moves has no combs.
constexpr std::string_view kLive =
    " ! queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0";
constexpr std::string_view kPictureOut =
    " ! videoconvert ! video/x-raw,format=(string){I420,NV12,RGB} ! deinterlace fields=top "
    "! videoflip video-direction=auto ! videoscale add-borders=false "
    "! video/x-raw,format=(string){I420,NV12,RGB},pixel-aspect-ratio=1/1 "
    "! appsink name=out sync=false async=false max-buffers=1 enable-last-sample=false";

// What passes on the way to the decoder and after it. Lives as long as the bin.
struct PictureGate {
  const MediaHooks* hooks;
  bool key_frames;       // are enough, while they come often enough
  nanoseconds interval;  // between pictures that are looked at
  nanoseconds last_key{-1};
  bool decode_all = false;
};

// Encoded pictures: counts each; delta units are dropped where key frames are enough.
GstPadProbeReturn saw_unit(GstPad* pad, GstBuffer* buffer, gpointer data) {
  auto* gate = static_cast<PictureGate*>(data);
  const auto time = running_time(pad, buffer);
  if (!time) return GST_PAD_PROBE_OK;
  gate->hooks->on_frame(*time);
  const bool is_key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (!is_key) return gate->key_frames && !gate->decode_all ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  const nanoseconds longest = std::max(gate->interval, nanoseconds(std::chrono::seconds(2)));
  gate->decode_all = gate->last_key.count() >= 0 && *time - gate->last_key > longest;
  gate->last_key = *time;
  return GST_PAD_PROBE_OK;
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

// Decoded pictures: lets through those that are wanted.
GstPadProbeReturn choose_picture(GstPad* pad, GstBuffer* buffer, gpointer data) {
  const auto time = running_time(pad, buffer);
  const bool wanted = time && static_cast<const MediaHooks*>(data)->wants_picture(*time);
  return wanted ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

// One thread, no read-ahead of frames: many streams share the processor.
void tame_decoder(GstBin*, GstBin*, GstElement* element, gpointer) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "max-threads") != nullptr) {
    g_object_set(element, "max-threads", 1, nullptr);
  }
}

GstFlowReturn take_picture(GstAppSink* sink, gpointer data) {
  const GstPtr<GstSample> sample(gst_app_sink_pull_sample(sink));
  if (!sample) return GST_FLOW_EOS;
  GstBuffer* buffer = gst_sample_get_buffer(sample.get());
  const GstClockTime time = gst_segment_to_running_time(gst_sample_get_segment(sample.get()), GST_FORMAT_TIME,
                                                        GST_BUFFER_PTS(buffer));
  if (!GST_CLOCK_TIME_IS_VALID(time)) return GST_FLOW_OK;
  try {
    static_cast<const MediaHooks*>(data)->on_picture(
        nanoseconds(static_cast<std::int64_t>(time)),
        gst::image_frame_of(buffer, gst_sample_get_caps(sample.get())));
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(sink, STREAM, DECODE, ("%s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
  return GST_FLOW_OK;
}

}  // namespace

GstElement* make_picture_branch(const settings::StreamSettings& stream, const BranchOptions& options,
                                const MediaHooks* hooks) {
  const std::string parser = options.is_rtp ? "parsebin name=parse ! " : "";
  const std::string wanted = " ! identity name=wanted silent=true" + std::string(options.fast ? "" : kLive);
  GstElement* bin = parse_branch(parser + paced(options.fast ? kWaitingPictureIn : kPictureIn, options,
                                                wanted + std::string(kPictureOut)));
  const char* first = options.is_rtp ? "parse" : "in";
  expose_sink(bin, first);
  const double rate = std::max(stream.video_rate_hz, 0.01);
  auto* gate =
      new PictureGate{hooks, stream.video_key_frames, nanoseconds(static_cast<std::int64_t>(1e9 / rate))};
  g_object_set_data_full(G_OBJECT(bin), "vedette-gate", gate,
                         [](gpointer data) { delete static_cast<PictureGate*>(data); });
  watch_media(bin, first, hooks);
  gst_pad_add_probe(pad_of(bin, "in", "sink").get(), kBuffers, each_buffer<saw_picture_in>, gate, nullptr);
  gst_pad_add_probe(pad_of(bin, "wanted", "sink").get(), kBuffers, each_buffer<choose_picture>,
                    const_cast<MediaHooks*>(hooks), nullptr);
  g_signal_connect(bin, "deep-element-added", G_CALLBACK(tame_decoder), nullptr);
  set_sink(bin, take_picture, hooks,
           [](GstAppSink*, gpointer data) { static_cast<const MediaHooks*>(data)->on_pictures_end(); });
  return bin;
}

}  // namespace vedette::daemon::streams
