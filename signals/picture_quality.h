#pragma once

#include <chrono>
#include <optional>

#include "base/time.h"
#include "signals/debounce.h"
#include "signals/health.h"
#include "signals/luma_frame.h"
#include "signals/picture_measures.h"

namespace vedette::signals {

struct PictureQualityOptions {
  // Share of what has contrast, 0 to 1, that must be soft for a picture to be blurred; 0: never.
  float blurred_share = 0.8F;
  // Standard deviation, levels of 255, from which it is noisy; 0: never.
  float noisy_deviation = 5.5F;
  // Steps at the borders of blocks against those inside, from which it is blocky; 0: never.
  float blocky_ratio = 4.0F;
  // Rows that go on sideways of the one above, from which it is garbled; 0: never.
  float garbled_rows = 4.0F;
  std::chrono::nanoseconds faulty_after{3'000'000'000};  // any of these must last so long
  std::chrono::nanoseconds clear_after{1'000'000'000};   // ... and be gone so long

  friend bool operator==(const PictureQualityOptions&, const PictureQualityOptions&) = default;
};

// Blurred, noisy, blocky and garbled pictures of a stream, measured in their full size. One per stream; not
// thread-safe.
class PictureQuality {
 public:
  PictureQuality(const PictureQualityOptions& options, HealthSink sink);

  // Looks at a picture, about once a second; `small` is the same as SmallLuma makes it. About 0.5 ms for
  // 1920x1080. Throws: std::invalid_argument when pixels do not cover the size that a picture claims.
  void look(base::MediaTime time, const WholePicture& picture, const LumaFrame& small);

 private:
  void report(Condition condition, Debounce& debounce, base::MediaTime time, float measured, float least);

  const PictureQualityOptions options_;
  const HealthSink sink_;
  PictureMeasures measures_;
  Debounce blurred_, noisy_, blocky_, garbled_;
  std::optional<base::MediaTime> looked_;
};

}  // namespace vedette::signals
