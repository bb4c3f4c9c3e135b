#include "signals/change_measure.h"

#include <algorithm>
#include <cmath>

namespace vedette::signals {

namespace {

constexpr int kBlock = 8;
// Of a block's mean. A sensor's noise of 10 gives the mean of 64 pixels one of 1.25: four times less.
constexpr float kChangedBy = 5.0F;

}  // namespace

double ChangeMeasure::since_kept(const LumaFrame& frame) {
  require_complete(frame);
  // What does not fill a block belongs to the last one: few pixels would not average noise away.
  const int columns = std::max(1, frame.width / kBlock), rows = std::max(1, frame.height / kBlock);
  width_ = frame.width;
  height_ = frame.height;
  blocks_.assign(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows), 0.0F);
  for (int y = 0; y < frame.height; ++y) {
    const auto row = row_of(frame, y);
    float* means = blocks_.data() + static_cast<std::size_t>(std::min(y / kBlock, rows - 1)) *
                                        static_cast<std::size_t>(columns);
    for (int column = 0; column < columns; ++column) {
      int sum = 0;
      const int end = column + 1 == columns ? frame.width : (column + 1) * kBlock;
      for (int x = column * kBlock; x < end; ++x) sum += row[static_cast<std::size_t>(x)];
      means[column] += static_cast<float>(sum);
    }
  }
  std::size_t changed = 0;
  const bool comparable = width_ == kept_width_ && height_ == kept_height_;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const int column = static_cast<int>(i) % columns, row = static_cast<int>(i) / columns;
    const int across = column + 1 == columns ? width_ - column * kBlock : kBlock;
    const int down = row + 1 == rows ? height_ - row * kBlock : kBlock;
    const int covered = across * down;
    blocks_[i] /= static_cast<float>(covered);
    changed += comparable && std::abs(blocks_[i] - kept_[i]) > kChangedBy ? 1 : 0;
  }
  return comparable ? static_cast<double>(changed) / static_cast<double>(blocks_.size()) : 1.0;
}

void ChangeMeasure::keep() {
  kept_ = blocks_;
  kept_width_ = width_;
  kept_height_ = height_;
}

}  // namespace vedette::signals
