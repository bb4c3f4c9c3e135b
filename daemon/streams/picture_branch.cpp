#include <gst/app/gstappsink.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/streams/branch_parts.h"
#include "daemon/streams/branches.h"
#include "daemon/streams/decoder_choice.h"
#include "daemon/streams/gst_handles.h"
#include "daemon/streams/picture_watch.h"
#include "gst-plugins/image_buffer_encoding.h"
#include "gst-plugins/vision_meta.h"

namespace vedette::daemon::streams {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kPictureIn =
    "queue name=pictures max-size-time=2000000000 max-size-bytes=8000000 max-size-buffers=0 ! decodebin "
    "name=decode";
// Pictures of a file that is read as fast as it can be wait for its sound, which takes a window at a time.
constexpr std::string_view kWaitingPictureIn =
    "queue name=pictures max-size-time=0 max-size-bytes=256000000 max-size-buffers=0 ! decodebin name=decode";
// Only pictures that are looked at get past `looks`; all that follows costs nothing for most of them. Of an
// interlaced picture the top field is taken, so that what moves has no combs.
constexpr std::string_view kLooks = " ! vedframesampler name=looks";
constexpr std::string_view kLive =
    " ! queue name=look leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0";
constexpr std::string_view kUpright =
    " ! videoconvert ! video/x-raw,format=(string){I420,NV12,RGB} ! deinterlace fields=top "
    "! videoflip video-direction=auto ! videoscale add-borders=false "
    "! video/x-raw,format=(string){I420,NV12,RGB},pixel-aspect-ratio=1/1 "
    "! vedframesampler name=sampler pass-unchanged=true";
// Room for one picture at the encoder, one that waits, and an unchanged one behind each.
constexpr std::string_view kSeeing =
    " ! vedvisionencoder name=encoder post-messages=false skip-errors=true max-frames=4";
constexpr std::string_view kOut =
    " ! appsink name=out sync=false async=false max-buffers=1 enable-last-sample=false";

GstPadProbeReturn count_frame(GstPad* pad, GstBuffer* buffer, gpointer data) {
  const auto time = running_time(pad, buffer);
  if (time) static_cast<const MediaHooks*>(data)->on_frame(*time);
  return GST_PAD_PROBE_OK;
}

// Pictures that are looked at, on their way into the sampler, which is told when they are of another epoch.
struct Looking {
  const MediaHooks* hooks;
  std::optional<std::uint32_t> epoch;  // that the sampler was told
};

GstPadProbeReturn look(GstPad* pad, GstBuffer* buffer, gpointer data) {
  auto* looking = static_cast<Looking*>(data);
  const auto time = running_time(pad, buffer);
  if (!time) return GST_PAD_PROBE_DROP;
  std::optional<std::uint32_t> epoch;
  try {
    const GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
    epoch = looking->hooks->on_look(*time, gst::image_frame_of(buffer, caps.get()));
  } catch (const std::exception& error) {
    const GstPtr<GstElement> element(gst_pad_get_parent_element(pad));
    GST_ELEMENT_ERROR(element.get(), STREAM, DECODE, ("%s", error.what()), (nullptr));
  }
  if (!epoch) return GST_PAD_PROBE_DROP;
  if (looking->epoch != epoch) gst_pad_send_event(pad, gst::new_epoch_event(*epoch));
  looking->epoch = epoch;
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn count_sampled(GstPad*, GstBuffer*, gpointer data) {
  static_cast<const MediaHooks*>(data)->on_sampled();
  return GST_PAD_PROBE_OK;
}

GstFlowReturn take_picture(GstAppSink* sink, gpointer data) {
  const GstPtr<GstSample> sample(gst_app_sink_pull_sample(sink));
  if (!sample) return GST_FLOW_EOS;
  try {
    static_cast<const MediaHooks*>(data)->on_seen(gst_sample_get_buffer(sample.get()),
                                                  gst_sample_get_caps(sample.get()));
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(sink, STREAM, DECODE, ("%s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
  return GST_FLOW_OK;
}

std::string described(const settings::StreamSettings& stream, const BranchOptions& options, bool sees) {
  const std::string looks = std::string(kLooks) + std::string(options.fast ? "" : kLive);
  const std::string decoded =
      paced(options.fast ? kWaitingPictureIn : kPictureIn, options, looks + std::string(kUpright));
  return std::string(options.is_rtp ? "parsebin name=parse ! " : "") +
         (stream.video_key_frames ? "vedframesampler name=units ! " : "") + decoded +
         std::string(sees ? kSeeing : "") + std::string(kOut);
}

void set_rates(GstElement* bin, const settings::StreamSettings& stream) {
  const double rate = std::max(stream.video_rate_hz, 0.01);
  g_object_set(child(bin, "looks").get(), "rate", looks_hz(rate, measures_motion(stream)), nullptr);
  g_object_set(child(bin, "sampler").get(), "rate", rate, "least-change", kLeastChange, nullptr);
  if (!stream.video_key_frames) return;
  constexpr guint kEnoughMs = 2000;  // key frames so far apart are enough, whatever the rate
  const auto within = std::max(kEnoughMs, static_cast<guint>(1000.0 / rate));
  g_object_set(child(bin, "units").get(), "rate", rate, "key-frames-within", within, nullptr);
}

void watch_pictures(GstElement* bin, const MediaHooks* hooks) {
  auto* data = const_cast<MediaHooks*>(hooks);
  auto* looking = new Looking{hooks, std::nullopt};
  g_object_set_data_full(G_OBJECT(bin), "vedette-looking", looking,
                         [](gpointer owned) { delete static_cast<Looking*>(owned); });
  gst_pad_add_probe(pad_of(bin, "pictures", "sink").get(), kBuffers, each_buffer<count_frame>, data, nullptr);
  gst_pad_add_probe(pad_of(bin, "sampler", "sink").get(), kBuffers, each_buffer<look>, looking, nullptr);
  gst_pad_add_probe(pad_of(bin, "sampler", "src").get(), kBuffers, each_buffer<count_sampled>, data, nullptr);
  set_sink(bin, take_picture, hooks,
           [](GstAppSink*, gpointer ended) { static_cast<const MediaHooks*>(ended)->on_pictures_end(); });
}

}  // namespace

GstElement* make_picture_branch(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime,
                                const BranchOptions& options, const MediaHooks* hooks) {
  const bool sees = runtime.seeing != nullptr;
  GstElement* bin = parse_branch(described(stream, options, sees));
  const char* first = options.is_rtp ? "parse" : stream.video_key_frames ? "units" : "pictures";
  expose_sink(bin, first);
  watch_media(bin, first, hooks);
  choose_decoder(child(bin, "decode").get(), stream.decoder);
  set_rates(bin, stream);
  watch_pictures(bin, hooks);
  if (!sees) return bin;
  const GstPtr<GstElement> encoder = child(bin, "encoder");
  if (options.fast) g_object_set(encoder.get(), "supersede", FALSE, nullptr);
  const GstPtr<GstContext> context(gst::new_runtime_context(runtime));
  gst_element_set_context(encoder.get(), context.get());
  return bin;
}

}  // namespace vedette::daemon::streams
