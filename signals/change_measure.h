#pragma once

#include <cstdint>
#include <vector>

#include "signals/luma_frame.h"

namespace vedette::signals {

// How much of the picture changed since the one that was kept: the share (0 to 1) of its 8x8-pixel blocks
// whose mean luma differs by more than 5 of 255. Blocks average the sensor's noise and recompression away; a
// slow change adds up until it counts. Made for the small picture (SmallLuma). Not thread-safe; 10 us.
class ChangeMeasure {
 public:
  // Against the kept picture; 1 when there is none, or it had another size.
  // Throws: std::invalid_argument as require_complete.
  double since_kept(const LumaFrame& frame);
  // The picture of the last `since_kept` is the one to compare with from now on.
  void keep();
  // Forgets what was kept.
  void reset() { kept_width_ = kept_height_ = 0; }

 private:
  std::vector<float> blocks_, kept_;  // means, [height / 8, width / 8], at least 1
  int width_ = 0, height_ = 0, kept_width_ = 0, kept_height_ = 0;
};

}  // namespace vedette::signals
