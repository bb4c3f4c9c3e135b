#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace vedette::signals {

// What is measured about a stream without any model. Always true, whatever the models say.
enum class Condition : std::uint8_t {
  kSoundSilent,
  kSoundClipped,
  kSoundAbsent,
  kPictureBlack,
  kPictureFrozen,
  kPictureBlurred,
  kPictureNoisy,
  kPictureBlocky,
  kPictureGarbled,
  kPictureAbsent,
  kLowFrameRate,
  kBitrateZero,
};

// As records and state carry it: "sound_silent", "picture_black", ...
constexpr const char* to_string(Condition condition) {
  switch (condition) {
    case Condition::kSoundSilent: return "sound_silent";
    case Condition::kSoundClipped: return "sound_clipped";
    case Condition::kSoundAbsent: return "sound_absent";
    case Condition::kPictureBlack: return "picture_black";
    case Condition::kPictureFrozen: return "picture_frozen";
    case Condition::kPictureBlurred: return "picture_blurred";
    case Condition::kPictureNoisy: return "picture_noisy";
    case Condition::kPictureBlocky: return "picture_blocky";
    case Condition::kPictureGarbled: return "picture_garbled";
    case Condition::kPictureAbsent: return "picture_absent";
    case Condition::kLowFrameRate: return "low_frame_rate";
    case Condition::kBitrateZero: return "bitrate_zero";
  }
  return "unknown";
}

// A condition began (active) or ended, after hysteresis. `since` is when the condition itself changed, not
// when the hysteresis was satisfied.
struct HealthEvent {
  Condition condition{};
  bool active = false;
  base::MediaTime since;
  // The figure that crossed its threshold: dBFS, share of clipped samples, mean luma, fps, bit/s, or one of
  // PictureFigures.
  double measured = 0.0;
};

// Receives events on the thread that feeds the measurement; must not block.
using HealthSink = std::function<void(const HealthEvent&)>;

}  // namespace vedette::signals
