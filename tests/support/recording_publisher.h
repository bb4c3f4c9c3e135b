#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinks/publisher.h"

namespace vedette::tests {

// A Publisher that keeps and counts what it is given. `capacity` records are accepted, the rest dropped as
// full. Thread-safe.
class RecordingPublisher : public sinks::Publisher {
 public:
  explicit RecordingPublisher(std::size_t capacity = 1 << 20) : capacity_(capacity) {}

  sinks::PublishOutcome publish(sinks::Record record) override {
    const std::lock_guard lock(mutex_);
    if (records_.size() >= capacity_) {
      ++dropped_;
      return sinks::PublishOutcome::kDroppedFull;
    }
    records_.push_back(std::move(record));
    return sinks::PublishOutcome::kAccepted;
  }
  void publish_live(std::string_view stream, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    live_.emplace_back(stream, text);
  }
  void publish_state(sinks::StateUpdate update) override {
    const std::lock_guard lock(mutex_);
    states_.push_back(std::move(update));
  }

  std::vector<sinks::Record> records() const { return copy(records_); }
  std::vector<std::pair<std::string, std::string>> live() const { return copy(live_); }
  std::vector<sinks::StateUpdate> states() const { return copy(states_); }
  std::size_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  template <class T>
  T copy(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<sinks::Record> records_;
  std::vector<std::pair<std::string, std::string>> live_;
  std::vector<sinks::StateUpdate> states_;
  std::size_t dropped_ = 0;
};

}  // namespace vedette::tests
