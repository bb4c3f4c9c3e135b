#include "daemon/files/picture_viewer.h"

#include <exception>
#include <future>
#include <utility>

#include "base/log.h"

namespace vedette::daemon::files {

using base::MediaTime;
using models::preprocess::FrameSamplingOptions;
using models::runtime::EncodedImage;
using models::runtime::ImageFrame;
using streams::SeenFrame;

PictureViewer::PictureViewer(const PictureViewerOptions& options,
                             std::shared_ptr<models::runtime::ImageEncoding> seeing, Hooks hooks)
    : options_(options),
      seeing_(std::move(seeing)),
      hooks_(std::move(hooks)),
      watch_(options.motion, hooks_.watch),
      looks_(FrameSamplingOptions{.rate_hz = streams::looks_hz(options.rate_hz, options.motion)}),
      samples_(FrameSamplingOptions{.rate_hz = options.rate_hz, .least_change = streams::kLeastChange}) {}

void PictureViewer::look(MediaTime time, ImageFrame picture) {
  if (!watch_.look(time, picture.view) || !samples_.due(time.t)) return;
  SeenFrame frame;
  frame.time = time;
  frame.change = static_cast<float>(change_.since_kept(watch_.small()));
  frame.picture = std::move(picture);
  if (!samples_.keep(time.t, static_cast<double>(frame.change))) {
    frame.change = 0.0F;
  } else {
    change_.keep();
    if (seeing_ != nullptr) encode(frame);
  }
  hooks_.on_seen(std::move(frame));
}

void PictureViewer::encode(SeenFrame& frame) {
  std::promise<EncodedImage> promise;
  seeing_->submit(frame.picture, [&](EncodedImage encoded) { promise.set_value(std::move(encoded)); });
  EncodedImage encoded = promise.get_future().get();
  if (!encoded.error) return frame.take(std::move(encoded));
  try {
    std::rethrow_exception(encoded.error);
  } catch (const std::exception& error) {
    base::log_limited(base::LogLevel::kError, options_.stream, "encode",
                      std::string("a picture could not be encoded: ") + error.what());
  }
}

void PictureViewer::finish() {
  const auto newest = watch_.finish();
  if (!newest) return;
  SeenFrame last;
  last.time = *newest;
  last.last = true;
  hooks_.on_seen(std::move(last));
}

}  // namespace vedette::daemon::files
