#include "signals/picture_quality.h"

#include <utility>

namespace vedette::signals {

PictureQuality::PictureQuality(const PictureQualityOptions& options, HealthSink sink)
    : options_(options),
      sink_(std::move(sink)),
      blurred_(options.faulty_after, options.clear_after),
      noisy_(options.faulty_after, options.clear_after),
      blocky_(options.faulty_after, options.clear_after),
      garbled_(options.faulty_after, options.clear_after) {}

void PictureQuality::look(base::MediaTime time, const WholePicture& picture, const LumaFrame& small) {
  const bool follows = looked_ && looked_->epoch == time.epoch;
  if (!follows) measures_.forget();
  looked_ = time;
  const PictureFigures figures = measures_.measure(picture, small);
  report(Condition::kPictureGarbled, garbled_, time, static_cast<float>(figures.torn), options_.garbled_rows);
  report(Condition::kPictureBlocky, blocky_, time, figures.blocks, options_.blocky_ratio);
  if (follows) report(Condition::kPictureNoisy, noisy_, time, figures.noise, options_.noisy_deviation);
  report(Condition::kPictureBlurred, blurred_, time, figures.blur, options_.blurred_share);
}

void PictureQuality::report(Condition condition, Debounce& debounce, base::MediaTime time, float measured,
                            float least) {
  const bool holds = least > 0.0F && measured >= least;
  const auto since = debounce.update(time, time, holds);
  if (since) sink_({condition, holds, *since, static_cast<double>(measured)});
}

}  // namespace vedette::signals
