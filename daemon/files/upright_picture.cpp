#include "daemon/files/upright_picture.h"

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace vedette::daemon::files {

using models::preprocess::ColorMatrix;
using models::preprocess::ColorRange;
using models::preprocess::FrameView;
using models::preprocess::PixelFormat;
using models::runtime::ImageFrame;

namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;  // 64 million: 8192x8192
constexpr int kLastSmall = 576;  // rows up to which unmarked video is BT.601, as GStreamer has it

// A picture of our own, I420.
struct OwnPicture {
  OwnPicture(int w, int h) : width(w), height(h) {
    std::size_t bytes = 0;
    for (int plane = 0; plane < 3; ++plane) {
      offsets[plane] = bytes;
      bytes += static_cast<std::size_t>(columns(plane)) * static_cast<std::size_t>(rows(plane));
    }
    pixels.resize(bytes);
  }
  int columns(int plane) const { return plane == 0 ? width : (width + 1) / 2; }
  int rows(int plane) const { return plane == 0 ? height : (height + 1) / 2; }
  std::uint8_t* row(int plane, int y) {
    return pixels.data() + offsets[plane] +
           static_cast<std::size_t>(y) * static_cast<std::size_t>(columns(plane));
  }

  int width, height;
  std::array<std::size_t, 3> offsets{};
  std::vector<std::uint8_t> pixels;
};

ImageFrame frame_of(std::shared_ptr<OwnPicture> picture, const FrameView& like) {
  FrameView view = like;
  view.format = PixelFormat::kI420;
  view.width = picture->width;
  view.height = picture->height;
  for (int plane = 0; plane < 3; ++plane) {
    view.strides[plane] = picture->columns(plane);
    view.planes[plane] = {picture->row(plane, 0), static_cast<std::size_t>(picture->columns(plane)) *
                                                      static_cast<std::size_t>(picture->rows(plane))};
  }
  return {view, std::move(picture)};
}

void describe_color(const AVFrame& frame, FrameView& view) {
  const bool full = frame.color_range == AVCOL_RANGE_JPEG || frame.format == AV_PIX_FMT_YUVJ420P;
  view.range = full ? ColorRange::kFull : ColorRange::kLimited;
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709: view.matrix = ColorMatrix::kBt709; break;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL: view.matrix = ColorMatrix::kBt2020; break;
    case AVCOL_SPC_UNSPECIFIED:
      view.matrix = frame.height > kLastSmall ? ColorMatrix::kBt709 : ColorMatrix::kBt601;
      break;
    default: view.matrix = ColorMatrix::kBt601; break;
  }
}

// FFmpeg's planes as they are; false: a format that models do not take.
bool borrow(const AVFrame& frame, FrameView& view) {
  int planes = 3;
  switch (frame.format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P: view.format = PixelFormat::kI420; break;
    case AV_PIX_FMT_NV12:
      view.format = PixelFormat::kNv12;
      planes = 2;
      break;
    case AV_PIX_FMT_RGB24:
      view.format = PixelFormat::kRgb;
      planes = 1;
      break;
    default: return false;
  }
  for (int plane = 0; plane < planes; ++plane) {
    if (frame.linesize[plane] <= 0) return false;  // bottom up
    const int rows = plane == 0 ? frame.height : (frame.height + 1) / 2;
    const int half = (frame.width + 1) / 2;
    const int bytes = plane > 0 ? (planes == 2 ? 2 * half : half) : frame.width * (planes == 1 ? 3 : 1);
    view.strides[plane] = frame.linesize[plane];
    view.planes[plane] = {frame.data[plane], static_cast<std::size_t>(frame.linesize[plane]) *
                                                     static_cast<std::size_t>(rows - 1) +
                                                 static_cast<std::size_t>(bytes)};
  }
  return true;
}

// The bottom field's rows, each the mean of its neighbours of the top field.
void drop_bottom_field(OwnPicture& picture) {
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = picture.rows(plane), columns = picture.columns(plane);
    for (int y = 1; y < rows; y += 2) {
      const std::uint8_t* above = picture.row(plane, y - 1);
      const std::uint8_t* below = y + 1 < rows ? picture.row(plane, y + 1) : above;
      std::uint8_t* row = picture.row(plane, y);
      for (int x = 0; x < columns; ++x) row[x] = static_cast<std::uint8_t>((above[x] + below[x] + 1) / 2);
    }
  }
}

std::shared_ptr<OwnPicture> turned(OwnPicture& picture, int turn) {
  const bool lies = turn != 180;
  auto result = std::make_shared<OwnPicture>(lies ? picture.height : picture.width,
                                             lies ? picture.width : picture.height);
  for (int plane = 0; plane < 3; ++plane) {
    const int columns = result->columns(plane), rows = result->rows(plane);
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < columns; ++x) {
        const int from_y = turn == 90 ? columns - 1 - x : turn == 270 ? x : rows - 1 - y;
        const int from_x = turn == 90 ? y : turn == 270 ? rows - 1 - y : columns - 1 - x;
        result->row(plane, y)[x] = picture.row(plane, from_y)[from_x];
      }
    }
  }
  return result;
}

}  // namespace

void UprightPicture::Deleter::operator()(SwsContext* context) const {
  sws_freeContext(context);
}

UprightPicture::UprightPicture() = default;
UprightPicture::~UprightPicture() = default;

ImageFrame UprightPicture::make(const AVFrame& frame, int turn) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const char* name = av_get_pix_fmt_name(format);
  const std::string what = std::to_string(frame.width) + "x" + std::to_string(frame.height) + " " +
                           (name != nullptr ? name : "of unknown format");
  if (frame.width <= 0 || frame.height <= 0 || std::int64_t{frame.width} * frame.height > kMostPixels)
    throw std::runtime_error("pictures of " + what + " cannot be shown: expected at most 64 million pixels");
  AVRational shape = frame.sample_aspect_ratio;
  if (shape.num <= 0 || shape.den <= 0) shape = {1, 1};
  const auto width =
      static_cast<int>(std::clamp<std::int64_t>(av_rescale(frame.width, shape.num, shape.den), 1,
                                                std::max<std::int64_t>(kMostPixels / frame.height, 1)));
  FrameView view;
  describe_color(frame, view);
  const bool as_it_is = width == frame.width && frame.interlaced_frame == 0 && turn == 0;
  if (as_it_is && borrow(frame, view)) {
    view.width = frame.width;
    view.height = frame.height;
    AVFrame* kept = av_frame_clone(&frame);
    if (kept == nullptr) throw std::bad_alloc();
    return {view, std::shared_ptr<const void>(kept, [](const void* held) {
              auto* owned = static_cast<AVFrame*>(const_cast<void*>(held));
              av_frame_free(&owned);
            })};
  }
  scaler_.reset(sws_getCachedContext(scaler_.release(), frame.width, frame.height, format, width,
                                     frame.height, AV_PIX_FMT_YUV420P, SWS_BILINEAR, nullptr, nullptr,
                                     nullptr));
  if (!scaler_) throw std::runtime_error("pictures of " + what + " cannot be shown");
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  const bool is_rgb = description != nullptr && (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  if (is_rgb) {  // swscale's own choice for them
    view.matrix = ColorMatrix::kBt601;
    view.range = ColorRange::kLimited;
  } else {  // the numbers stay what they are
    const int* matrix = sws_getCoefficients(SWS_CS_DEFAULT);
    const int full = view.range == ColorRange::kFull ? 1 : 0;
    sws_setColorspaceDetails(scaler_.get(), matrix, full, matrix, full, 0, 1 << 16, 1 << 16);
  }
  auto own = std::make_shared<OwnPicture>(width, frame.height);
  std::uint8_t* planes[4] = {own->row(0, 0), own->row(1, 0), own->row(2, 0), nullptr};
  const int strides[4] = {own->columns(0), own->columns(1), own->columns(2), 0};
  if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes, strides) != frame.height)
    throw std::runtime_error("pictures of " + what + " cannot be converted");
  if (frame.interlaced_frame != 0) drop_bottom_field(*own);
  return frame_of(turn == 0 ? own : turned(*own, turn), view);
}

}  // namespace vedette::daemon::files
