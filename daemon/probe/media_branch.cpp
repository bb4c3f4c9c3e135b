#include "daemon/probe/media_branch.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <string_view>

#include "daemon/probe/codec_name.h"
#include "daemon/streams/branch_parts.h"
#include "daemon/streams/decoder_choice.h"
#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::probe {

using std::chrono::nanoseconds;
using streams::GstPtr;
using streams::Media;

namespace {

constexpr std::string_view kPicture =
    "queue name=in max-size-time=2000000000 max-size-bytes=8000000 max-size-buffers=0 ! decodebin "
    "name=decode "
    "! fakesink name=out sync=false async=false enable-last-sample=false";
constexpr std::string_view kSound =
    "queue name=in max-size-time=2000000000 max-size-bytes=0 max-size-buffers=0 ! decodebin name=decode "
    "! audioconvert name=raw ! audioresample ! audio/x-raw,format=F32LE,rate=16000,channels=1 "
    "! fakesink name=out sync=false async=false enable-last-sample=false";

nanoseconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

// GStreamer's callbacks, each with its branch.
struct MediaProbes {
  static GstPadProbeReturn coded(GstPad* pad, GstBuffer* buffer, gpointer branch) {
    static_cast<MediaBranch*>(branch)->add_coded(pad, buffer);
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn decoded(GstPad* pad, GstBuffer* buffer, gpointer branch) {
    static_cast<MediaBranch*>(branch)->add_decoded(pad, buffer);
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn level(GstPad*, GstBuffer* buffer, gpointer branch) {
    static_cast<MediaBranch*>(branch)->measure_level(buffer);
    return GST_PAD_PROBE_OK;
  }
  static void added(GstBin*, GstBin*, GstElement* element, gpointer branch) {
    GstElementFactory* factory = gst_element_get_factory(element);
    if (factory == nullptr ||
        gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DECODER) == FALSE)
      return;
    const GstPtr<GstPad> pad(gst_element_get_static_pad(element, "sink"));
    if (pad) gst_pad_add_probe(pad.get(), streams::kBuffers, streams::each_buffer<coded>, branch, nullptr);
  }
};

MediaBranch::MediaBranch(Media media, settings::Decoder decoder)
    : media_(media), bin_(streams::parse_branch(std::string(media == Media::kPicture ? kPicture : kSound))) {
  streams::expose_sink(bin_, "in");
  // One thread a decoder: what it spends is then seen on the thread that it gives from.
  streams::choose_decoder(streams::child(bin_, "decode").get(), decoder);
  g_signal_connect(bin_, "deep-element-added", G_CALLBACK(MediaProbes::added), this);
  const GstPtr<GstPad> out = streams::pad_of(bin_, "out", "sink");
  if (media == Media::kPicture) {
    gst_pad_add_probe(out.get(), streams::kBuffers, streams::each_buffer<MediaProbes::decoded>, this,
                      nullptr);
    return;
  }
  gst_pad_add_probe(out.get(), streams::kBuffers, streams::each_buffer<MediaProbes::level>, this, nullptr);
  gst_pad_add_probe(streams::pad_of(bin_, "raw", "sink").get(), streams::kBuffers,
                    streams::each_buffer<MediaProbes::decoded>, this, nullptr);
}

void MediaBranch::add_coded(GstPad* pad, GstBuffer* buffer) {
  const auto time = streams::running_time(pad, buffer);
  const std::lock_guard lock(mutex_);
  if (pad != coded_pad_) {  // the first decoder, or another one that took its place
    coded_pad_ = pad;
    coded_ = Tally();
  }
  if (coded_.units() % 16 == 0) {  // not each: caps change seldom
    const GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
    codec_ = codec_name(caps.get());
    profile_ = codec_profile(caps.get());
    int numerator = 0, denominator = 1;
    if (caps &&
        gst_structure_get_fraction(gst_caps_get_structure(caps.get(), 0), "framerate", &numerator,
                                   &denominator) != FALSE &&
        numerator > 0 && denominator > 0)
      announced_hz_ = static_cast<double>(numerator) / denominator;
  }
  const bool key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  coded_.add(time, gst_buffer_get_size(buffer), key);
}

void MediaBranch::add_decoded(GstPad* pad, GstBuffer* buffer) {
  const auto time = streams::running_time(pad, buffer);
  const std::lock_guard lock(mutex_);
  if (raw_.units() % 16 == 0) {
    const GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
    if (caps) {
      const GstStructure* structure = gst_caps_get_structure(caps.get(), 0);
      gst_structure_get_int(structure, "width", &width_);
      gst_structure_get_int(structure, "height", &height_);
      gst_structure_get_int(structure, "rate", &rate_hz_);
      gst_structure_get_int(structure, "channels", &channels_);
    }
  }
  raw_.add(time, gst_buffer_get_size(buffer), true);
  measure_time();
}

// Requires: mutex_ is held.
void MediaBranch::measure_time() {
  const nanoseconds now = processor_time();
  if (thread_ == std::this_thread::get_id()) {
    spent_ += now - cpu_;
    ++timed_;
  }
  thread_ = std::this_thread::get_id();
  cpu_ = now;
}

void MediaBranch::measure_level(GstBuffer* buffer) {
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) return;
  const auto* samples = reinterpret_cast<const float*>(map.data);
  const std::size_t count = map.size / sizeof(float);
  double energy = 0;
  for (std::size_t i = 0; i < count; ++i) energy += static_cast<double>(samples[i]) * samples[i];
  gst_buffer_unmap(buffer, &map);
  const std::lock_guard lock(mutex_);
  energy_ += energy;
  samples_ += count;
}

std::uint64_t MediaBranch::decoded() const {
  const std::lock_guard lock(mutex_);
  return raw_.units();
}

Tally MediaBranch::coded() const {
  const std::lock_guard lock(mutex_);
  return coded_pad_ == nullptr ? raw_ : coded_;
}

PictureReport MediaBranch::picture() const {
  const auto seconds = [](std::optional<nanoseconds> time) {
    return time ? std::optional(std::chrono::duration<double>(*time).count()) : std::nullopt;
  };
  const Tally tally = coded();
  const std::lock_guard lock(mutex_);
  PictureReport report;
  report.codec = codec_;
  report.profile = profile_;
  report.width = width_;
  report.height = height_;
  report.announced_hz = announced_hz_;
  report.measured_hz = tally.rate_hz();
  if (coded_pad_ == nullptr) return report;
  report.bits_per_s = tally.bits_per_s();
  report.all_key_frames = tally.keys() == tally.units();
  report.key_frames_s = seconds(tally.key_interval());
  report.longest_key_frames_s = seconds(tally.longest_key_interval());
  if (timed_ > 0 && report.measured_hz)
    report.decode_share =
        std::chrono::duration<double>(spent_).count() / static_cast<double>(timed_) * *report.measured_hz;
  return report;
}

SoundReport MediaBranch::sound() const {
  const Tally tally = coded();
  const std::lock_guard lock(mutex_);
  SoundReport report;
  report.codec = codec_;
  report.rate_hz = rate_hz_;
  report.channels = channels_;
  if (coded_pad_ != nullptr) report.bits_per_s = tally.bits_per_s();
  constexpr double kLeastEnergy = 1e-12;  // -120 dBFS
  if (samples_ > 0)
    report.level_dbfs = 10.0 * std::log10(std::max(energy_ / static_cast<double>(samples_), kLeastEnergy));
  return report;
}

}  // namespace vedette::daemon::probe
