#pragma once

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "daemon/streams/feed.h"

namespace vedette::daemon::streams {

// Hands everything on to a feed until it is shut, once: a stream that cannot be ended, because a device or a
// driver does not return, then reaches nobody.
class FeedGate : public Feed {
 public:
  explicit FeedGate(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}

  // The last that the feed is told; from here on it is neither called nor kept. Any thread but one that is
  // inside a call of the feed.
  void shut(const StreamStatus& last) {
    const std::unique_lock lock(mutex_);
    feed_->on_status(last);
    feed_.reset();
  }

  void on_clock(const base::ClockMap& clock) override {
    pass([&](Feed& feed) { feed.on_clock(clock); });
  }
  void on_heard(HeardWindow window) override {
    pass([&](Feed& feed) { feed.on_heard(std::move(window)); });
  }
  void on_seen(SeenFrame frame) override {
    pass([&](Feed& feed) { feed.on_seen(std::move(frame)); });
  }
  void on_motion(const signals::MotionEvent& event) override {
    pass([&](Feed& feed) { feed.on_motion(event); });
  }
  void on_health(const signals::HealthEvent& event) override {
    pass([&](Feed& feed) { feed.on_health(event); });
  }
  void on_status(const StreamStatus& status) override {
    pass([&](Feed& feed) { feed.on_status(status); });
  }
  base::MediaTime committed_until() const override {
    const std::shared_lock lock(mutex_);
    return feed_ ? feed_->committed_until() : base::MediaTime{};
  }
  bool busy() const override {
    const std::shared_lock lock(mutex_);
    return feed_ && feed_->busy();
  }

 private:
  template <typename Call>
  void pass(const Call& call) {
    const std::shared_lock lock(mutex_);
    if (feed_) call(*feed_);
  }

  mutable std::shared_mutex mutex_;
  std::shared_ptr<Feed> feed_;  // null: shut
};

}  // namespace vedette::daemon::streams
