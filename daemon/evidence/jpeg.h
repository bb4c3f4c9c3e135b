#pragma once

#include <string>

#include "models/preprocess/frame_view.h"

namespace vedette::daemon::evidence {

inline constexpr int kJpegQuality = 80;  // of 100

// The picture as a JPEG file, in the colours that its matrix and range mean. Throws: std::invalid_argument
// for a view whose planes do not hold its size, std::runtime_error with libjpeg's own words.
std::string encode_jpeg(const models::preprocess::FrameView& picture, int quality = kJpegQuality);

}  // namespace vedette::daemon::evidence
