#include "daemon/streams/stream_figures.h"

namespace vedette::daemon::streams {

ElementCounters& ElementCounters::operator+=(const ElementCounters& other) {
  encoded += other.encoded;
  silent += other.silent;
  superseded += other.superseded;
  flushed += other.flushed;
  failed += other.failed;
  moved_on += other.moved_on;
  epochs += other.epochs;
  gap_samples += other.gap_samples;
  overlap_samples += other.overlap_samples;
  return *this;
}

void StreamFigures::set_running(const ElementCounters& counters) {
  const std::lock_guard lock(mutex_);
  running_ = counters;
}

void StreamFigures::end_connection() {
  const std::lock_guard lock(mutex_);
  ended_ += running_;
  running_ = {};
}

ElementCounters StreamFigures::counters() const {
  const std::lock_guard lock(mutex_);
  ElementCounters all = ended_;
  all += running_;
  return all;
}

void StreamFigures::set_tried() {
  const std::lock_guard lock(mutex_);
  tried_ = true;
}

bool StreamFigures::tried() const {
  const std::lock_guard lock(mutex_);
  return tried_;
}

}  // namespace vedette::daemon::streams
