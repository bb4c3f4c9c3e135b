#include "daemon/streams/picture_watch.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace vedette::daemon::streams {

using base::MediaTime;
using models::preprocess::FrameSamplingPolicy;
using models::preprocess::PixelFormat;
using models::runtime::EncodedImage;
using models::runtime::ImageFrame;
using std::chrono::nanoseconds;

namespace {

constexpr double kMotionHz = 5.0, kHealthHz = 1.0;

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "unknown error";
  }
}

FrameSamplingPolicy policy(double rate_hz, double least_change = 0.0) {
  models::preprocess::FrameSamplingOptions options;
  options.rate_hz = rate_hz;
  options.least_change = least_change;
  return FrameSamplingPolicy(options);
}

}  // namespace

PictureWatch::PictureWatch(const PictureWatchOptions& options,
                           std::shared_ptr<models::runtime::ImageEncoding> seeing, Hooks hooks)
    : options_(options),
      seeing_(std::move(seeing)),
      hooks_(std::move(hooks)),
      looks_(policy(std::max(options.rate_hz, options.motion ? kMotionHz : kHealthHz))),
      health_(policy(kHealthHz)),
      samples_(policy(options.rate_hz, options.least_change)) {
  if (options.motion) motion_.emplace(signals::MotionOptions{}, hooks_.on_motion);
}

PictureWatch::~PictureWatch() {
  std::unique_lock lock(mutex_);
  encoded_.wait(lock, [this] { return encoding_ == 0 && !delivering_; });
}

bool PictureWatch::wants(MediaTime time) {
  if (asked_epoch_ != time.epoch) looks_.reset();
  asked_epoch_ = time.epoch;
  return looks_.due(time.t);
}

void PictureWatch::look(MediaTime time, ImageFrame picture) {
  if (newest_ && newest_->epoch == time.epoch && time.t <= newest_->t) return;  // times only go on
  if (!newest_ || newest_->epoch != time.epoch) {
    health_.reset();
    samples_.reset();
    change_.reset();
  }
  newest_ = time;
  const auto& view = picture.view;
  const signals::LumaFrame small =
      view.format == PixelFormat::kRgb
          ? small_.shrink_rgb(view.planes[0], view.width, view.height, view.strides[0])
          : small_.shrink({view.planes[0], view.width, view.height, view.strides[0]});
  measure(time, small);
  if (samples_.due(time.t)) sample(time, std::move(picture), small);
}

void PictureWatch::measure(MediaTime time, const signals::LumaFrame& small) {
  if (health_.due(time.t) && hooks_.on_look) hooks_.on_look(time, small);
  if (motion_ && motion_->wants(time)) motion_->look(time, small);
}

void PictureWatch::sample(MediaTime time, ImageFrame picture, const signals::LumaFrame& small) {
  SeenFrame frame;
  frame.time = time;
  frame.picture = std::move(picture);
  frame.change = static_cast<float>(change_.since_kept(small));
  std::unique_lock lock(mutex_);
  const bool behind = seeing_ != nullptr && encoding_ >= options_.most_encoding;
  if (behind) {  // what comes next is compared with what was encoded before
    ++lost_;
    return;
  }
  frame.lost = std::exchange(lost_, 0);
  const bool kept = samples_.keep(time.t, frame.change);
  if (kept) change_.keep();
  if (!kept) frame.change = 0.0F;
  if (!kept || seeing_ == nullptr) return add(std::move(frame), lock);
  lock.unlock();
  encode(std::move(frame));
}

void PictureWatch::encode(SeenFrame frame) {
  const auto slot = std::make_shared<Slot>();
  const ImageFrame picture = frame.picture;
  slot->frame = std::move(frame);
  {
    const std::lock_guard lock(mutex_);
    slots_.push_back(slot);
    ++encoding_;
  }
  seeing_->submit(picture, [this, slot](EncodedImage encoded) {
    std::unique_lock lock(mutex_);
    if (encoded.error) {
      base::log_limited(base::LogLevel::kError, options_.stream, "encode",
                        "a picture could not be encoded: " + message_of(encoded.error));
    } else {
      slot->frame.tokens = std::move(encoded.tokens);
      slot->frame.sightings = std::move(encoded.sightings);
    }
    slot->done = true;
    deliver(lock);
    --encoding_;
    encoded_.notify_all();
  });
  if (!options_.in_step) return;
  std::unique_lock lock(mutex_);
  encoded_.wait(lock, [this] { return encoding_ == 0 && !delivering_; });
}

void PictureWatch::add(SeenFrame frame, std::unique_lock<std::mutex>& lock) {
  slots_.push_back(std::make_shared<Slot>(Slot{std::move(frame), true}));
  deliver(lock);
}

// Hands on what is done, in order; one thread at a time, without the lock.
void PictureWatch::deliver(std::unique_lock<std::mutex>& lock) {
  if (delivering_) return;  // that thread sees what was done meanwhile
  delivering_ = true;
  while (!slots_.empty() && slots_.front()->done) {
    SeenFrame frame = std::move(slots_.front()->frame);
    slots_.pop_front();
    lock.unlock();
    hooks_.on_seen(std::move(frame));
    lock.lock();
  }
  delivering_ = false;
  encoded_.notify_all();
}

void PictureWatch::finish() {
  if (motion_) motion_->finish();
  if (!newest_) return;
  SeenFrame last;
  last.time = *newest_;
  last.last = true;
  std::unique_lock lock(mutex_);
  encoded_.wait(lock, [this] { return encoding_ == 0 && !delivering_; });
  last.lost = std::exchange(lost_, 0);
  add(std::move(last), lock);
  newest_.reset();
}

}  // namespace vedette::daemon::streams
