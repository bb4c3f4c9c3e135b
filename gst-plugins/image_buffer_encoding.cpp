#include "gst-plugins/image_buffer_encoding.h"

#include <gst/video/video.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "gst-plugins/vision_meta.h"

namespace vedette::gst {

namespace {

using models::preprocess::ColorMatrix;
using models::preprocess::ColorRange;
using models::preprocess::PixelFormat;
using models::runtime::EncodedImage;
using models::runtime::ImageFrame;

class Seen final : public EncodedBuffer {
 public:
  explicit Seen(EncodedImage seen) : seen_(std::move(seen)) {}
  void attach(GstBuffer* buffer) override { add_vision_meta(buffer, std::move(seen_)); }

 private:
  EncodedImage seen_;
};

// A mapped frame, with a reference to its buffer.
class MappedFrame {
 public:
  MappedFrame(const GstVideoInfo& info, GstBuffer* buffer) {
    if (gst_video_frame_map(&frame_, &info, buffer, GST_MAP_READ) != FALSE) return;
    throw std::runtime_error("cannot read a frame of " + std::to_string(gst_buffer_get_size(buffer)) +
                             " bytes as " + std::to_string(info.width) + "x" + std::to_string(info.height) +
                             " " + gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info)));
  }
  ~MappedFrame() { gst_video_frame_unmap(&frame_); }
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  GstVideoFrame* get() { return &frame_; }

 private:
  GstVideoFrame frame_{};
};

PixelFormat format_of(const GstVideoInfo& info) {
  switch (GST_VIDEO_INFO_FORMAT(&info)) {
    case GST_VIDEO_FORMAT_I420: return PixelFormat::kI420;
    case GST_VIDEO_FORMAT_NV12: return PixelFormat::kNv12;
    case GST_VIDEO_FORMAT_RGB: return PixelFormat::kRgb;
    default:
      throw std::runtime_error(std::string("expected I420, NV12 or RGB, received ") +
                               gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&info)));
  }
}

// Where the stream does not say: as GStreamer guesses, high definition is BT.709.
ColorMatrix matrix_of(const GstVideoInfo& info) {
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT601: return ColorMatrix::kBt601;
    case GST_VIDEO_COLOR_MATRIX_BT709: return ColorMatrix::kBt709;
    case GST_VIDEO_COLOR_MATRIX_BT2020: return ColorMatrix::kBt2020;
    default: return info.height > 576 ? ColorMatrix::kBt709 : ColorMatrix::kBt601;
  }
}

}  // namespace

ImageFrame image_frame_of(GstBuffer* buffer, GstCaps* caps) {
  GstVideoInfo info;
  if (caps == nullptr || gst_video_info_from_caps(&info, caps) == FALSE) {
    throw std::runtime_error("a frame came before caps that tell its format");
  }
  ImageFrame frame;
  frame.view.format = format_of(info);
  auto mapped = std::make_shared<MappedFrame>(info, buffer);
  frame.view.width = GST_VIDEO_FRAME_WIDTH(mapped->get());
  frame.view.height = GST_VIDEO_FRAME_HEIGHT(mapped->get());
  frame.view.matrix = matrix_of(info);
  frame.view.range =
      info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? ColorRange::kFull : ColorRange::kLimited;
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(mapped->get()); ++plane) {
    const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(mapped->get(), plane);
    const int component = plane == 0 ? 0 : static_cast<int>(plane);
    const int rows = GST_VIDEO_FRAME_COMP_HEIGHT(mapped->get(), component);
    const int pixels = GST_VIDEO_FRAME_COMP_WIDTH(mapped->get(), component);
    const int row_bytes = pixels * GST_VIDEO_FRAME_COMP_PSTRIDE(mapped->get(), component);
    frame.view.strides.at(plane) = stride;
    frame.view.planes.at(plane) = {
        static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(mapped->get(), plane)),
        static_cast<std::size_t>(stride) * static_cast<std::size_t>(rows - 1) +
            static_cast<std::size_t>(row_bytes)};
  }
  frame.owner = std::move(mapped);
  return frame;
}

std::unique_ptr<EncodedBuffer> ImageBufferEncoding::pass(GstBuffer* frame) const {
  const VedetteFrameMeta* meta = frame_meta(frame);
  if (meta == nullptr || meta->unchanged == FALSE) return nullptr;
  return std::make_unique<Seen>(EncodedImage{});
}

bool ImageBufferEncoding::supersede(GstBuffer* older, GstBuffer* newer) const {
  const VedetteFrameMeta* before = frame_meta(older);
  VedetteFrameMeta* after = frame_meta(newer);
  if (before == nullptr || after == nullptr) return true;
  if (before->epoch != after->epoch) return false;
  if (after->unchanged != FALSE) return before->unchanged != FALSE;  // it is like the one that waits
  after->change = std::max(after->change, before->change);
  after->lost += before->lost + (before->unchanged == FALSE ? 1 : 0);
  return true;
}

void ImageBufferEncoding::submit(GstBuffer* frame, GstCaps* caps, Done done) {
  seeing_->submit(image_frame_of(frame, caps), [done = std::move(done)](EncodedImage seen) {
    if (seen.error) return done(nullptr, seen.error);
    done(std::make_unique<Seen>(std::move(seen)), nullptr);
  });
}

}  // namespace vedette::gst
