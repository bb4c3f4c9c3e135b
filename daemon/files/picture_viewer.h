#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "daemon/streams/feed.h"
#include "daemon/streams/picture_watch.h"
#include "models/preprocess/frame_sampling.h"
#include "models/runtime/image_encoding.h"
#include "signals/change_measure.h"

namespace vedette::daemon::files {

struct PictureViewerOptions {
  std::string stream;    // id, for the log
  double rate_hz = 1.0;  // pictures for the encoder, above 0
  bool motion = true;    // measured at 5 per second
};

// Pictures of a file on their way to narration, as a stream's take it through vedframesampler and
// vedvisionencoder: the same are looked at, sampled, held back and encoded. Nothing is lost: look() waits for
// the encoder. Hooks are called on its thread.
class PictureViewer {
 public:
  struct Hooks {
    streams::PictureWatch::Hooks watch;
    std::function<void(streams::SeenFrame)> on_seen;
  };

  // `seeing` may be null: then what was seen has no tokens.
  PictureViewer(const PictureViewerOptions& options, std::shared_ptr<models::runtime::ImageEncoding> seeing,
                Hooks hooks);

  // Whether anything is to be done with the picture of this time: ask once for each, before converting it.
  bool wants(base::MediaTime time) { return looks_.due(time.t); }
  // A picture that was wanted. Requires: the times are of one epoch.
  void look(base::MediaTime time, models::runtime::ImageFrame picture);
  // The file ends: closes what is open.
  void finish();

 private:
  void encode(streams::SeenFrame& frame);

  const PictureViewerOptions options_;
  const std::shared_ptr<models::runtime::ImageEncoding> seeing_;
  const Hooks hooks_;
  streams::PictureWatch watch_;
  models::preprocess::FrameSamplingPolicy looks_, samples_;
  signals::ChangeMeasure change_;
};

}  // namespace vedette::daemon::files
