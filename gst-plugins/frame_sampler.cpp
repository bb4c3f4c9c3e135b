#include "gst-plugins/frame_sampler.h"

#include <stdexcept>
#include <string>

namespace vedette::gst {

namespace {

// A plane of 8-bit luma, one byte after the other.
bool has_luma_plane(const GstVideoInfo& info) {
  const GstVideoFormatInfo* format = info.finfo;
  return (GST_VIDEO_FORMAT_INFO_IS_YUV(format) || GST_VIDEO_FORMAT_INFO_IS_GRAY(format)) &&
         GST_VIDEO_FORMAT_INFO_PSTRIDE(format, 0) == 1 && GST_VIDEO_FORMAT_INFO_DEPTH(format, 0) == 8 &&
         !GST_VIDEO_FORMAT_INFO_IS_TILED(format);
}

bool is_plain_memory(const GstCaps* caps) {
  const GstCapsFeatures* features = gst_caps_get_features(caps, 0);
  return features == nullptr || gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

}  // namespace

void FrameSampler::start(const models::preprocess::FrameSamplingOptions& options) {
  policy_.emplace(options);
  measure_.reset();
  info_.reset();
  const std::lock_guard lock(mutex_);
  counters_ = {};
}

void FrameSampler::stop() {
  policy_.reset();
  info_.reset();
}

void FrameSampler::set_caps(const GstCaps* caps) {
  info_.reset();
  measure_.reset();
  if (gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-raw") == FALSE) return;
  GstVideoInfo info;
  if (!is_plain_memory(caps)) {
    if (policy_->is_gated()) throw std::runtime_error("the change gate needs video in system memory");
    gst_video_info_init(&info);
  } else if (gst_video_info_from_caps(&info, caps) == FALSE) {
    throw std::runtime_error("caps that name no raw video format");
  } else if (policy_->is_gated() && !has_luma_plane(info) &&
             GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_RGB) {
    throw std::runtime_error(
        std::string("the change gate looks at I420, NV12, RGB and other 8-bit formats with a "
                    "plane of luma, not at ") +
        gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info)) +
        "; put videoconvert before it, or set least-change=0");
  }
  info_ = info;
}

void FrameSampler::flush() {
  if (policy_) policy_->reset();
  measure_.reset();
}

FrameSampler::Verdict FrameSampler::look(GstBuffer* buffer, GstClockTime running_time) {
  count(&Counters::frames);
  if (!GST_CLOCK_TIME_IS_VALID(running_time) || running_time > static_cast<GstClockTime>(G_MAXINT64)) {
    count(&Counters::untimed);
    return {false, !info_};  // a unit from before the segment is what others in it are decoded from
  }
  const std::chrono::nanoseconds time(static_cast<std::int64_t>(running_time));
  Verdict verdict;
  if (info_) {
    verdict = look_raw(buffer, time);
  } else {
    verdict.kept = policy_->decode(time, !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
    if (!verdict.kept) count(&Counters::units_dropped);
  }
  if (verdict.kept) count(&Counters::kept);
  return verdict;
}

FrameSampler::Verdict FrameSampler::look_raw(GstBuffer* buffer, std::chrono::nanoseconds time) {
  if (!policy_->due(time)) return {};
  Verdict verdict{true};
  if (policy_->is_gated()) verdict.change = change(buffer);
  verdict.kept = policy_->keep(time, verdict.change);
  if (verdict.kept) {
    measure_.keep();
  } else {
    count(&Counters::unchanged);
  }
  return verdict;
}

double FrameSampler::change(GstBuffer* buffer) {
  GstVideoFrame frame;
  if (gst_video_frame_map(&frame, &*info_, buffer, GST_MAP_READ) == FALSE) {
    throw std::runtime_error("cannot read a frame of " + std::to_string(gst_buffer_get_size(buffer)) +
                             " bytes as " + std::to_string(info_->width) + "x" +
                             std::to_string(info_->height) + " " +
                             gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&*info_)));
  }
  const int width = GST_VIDEO_FRAME_WIDTH(&frame), height = GST_VIDEO_FRAME_HEIGHT(&frame);
  const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  const bool rgb = GST_VIDEO_FRAME_FORMAT(&frame) == GST_VIDEO_FORMAT_RGB;
  const std::span<const std::uint8_t> pixels(
      static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)),
      static_cast<std::size_t>(stride) * static_cast<std::size_t>(height - 1) +
          static_cast<std::size_t>(width) * (rgb ? 3u : 1u));
  double share = 1.0;
  try {
    share = measure_.since_kept(rgb ? small_.shrink_rgb(pixels, width, height, stride)
                                    : small_.shrink({pixels, width, height, stride}));
  } catch (...) {
    gst_video_frame_unmap(&frame);
    throw;
  }
  gst_video_frame_unmap(&frame);
  return share;
}

FrameSampler::Counters FrameSampler::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void FrameSampler::count(std::uint64_t Counters::*counter) {
  const std::lock_guard lock(mutex_);
  ++(counters_.*counter);
}

}  // namespace vedette::gst
