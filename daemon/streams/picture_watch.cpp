#include "daemon/streams/picture_watch.h"

#include <algorithm>
#include <utility>

namespace vedette::daemon::streams {

using base::MediaTime;
using models::preprocess::FrameView;

namespace {

constexpr double kMotionHz = 5.0, kHealthHz = 1.0;

signals::LumaFrame small_luma(signals::SmallLuma& small, const FrameView& picture) {
  if (picture.format == models::preprocess::PixelFormat::kRgb)
    return small.shrink_rgb(picture.planes[0], picture.width, picture.height, picture.strides[0]);
  return small.shrink({picture.planes[0], picture.width, picture.height, picture.strides[0]});
}

signals::WholePicture whole_picture(const FrameView& picture) {
  const bool rgb = picture.format == models::preprocess::PixelFormat::kRgb;
  return {picture.planes[0].subspan(rgb ? 1 : 0), picture.width, picture.height, picture.strides[0],
          rgb ? 3 : 1};
}

}  // namespace

double looks_hz(double rate_hz, bool motion) {
  return std::max(rate_hz, motion ? kMotionHz : kHealthHz);
}

bool measures_motion(const settings::StreamSettings& stream) {
  return stream.video_motion && !stream.video_key_frames;
}

PictureWatch::PictureWatch(bool motion, Hooks hooks)
    : hooks_(std::move(hooks)), health_(models::preprocess::FrameSamplingOptions{.rate_hz = kHealthHz}) {
  if (motion) motion_.emplace(signals::MotionOptions{}, hooks_.on_motion);
}

bool PictureWatch::look(MediaTime time, const FrameView& picture) {
  if (newest_ && newest_->epoch == time.epoch && time.t <= newest_->t) return false;
  if (!newest_ || newest_->epoch != time.epoch) health_.reset();
  newest_ = time;
  small_ = small_luma(shrink_, picture);
  if (health_.due(time.t) && hooks_.on_look) hooks_.on_look(time, whole_picture(picture), small_);
  if (motion_ && motion_->wants(time)) motion_->look(time, small_);
  return true;
}

std::optional<MediaTime> PictureWatch::finish() {
  if (motion_) motion_->finish();
  return std::exchange(newest_, std::nullopt);
}

}  // namespace vedette::daemon::streams
