#pragma once

#include <memory>

#include "models/runtime/image_encoding.h"

struct AVFrame;
struct SwsContext;

namespace vedette::daemon::files {

// Makes of FFmpeg's frames what models take. Frames that are so already are borrowed, not copied. Not
// thread-safe.
class UprightPicture {
 public:
  UprightPicture();
  ~UprightPicture();

  // `turn`: degrees clockwise that the picture is to be turned, 0, 90, 180 or 270. Throws: std::runtime_error
  // saying what cannot be shown.
  models::runtime::ImageFrame make(const AVFrame& frame, int turn);

 private:
  struct Deleter {
    void operator()(SwsContext* context) const;
  };
  std::unique_ptr<SwsContext, Deleter> scaler_;
};

}  // namespace vedette::daemon::files
