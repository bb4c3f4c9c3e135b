#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "daemon/streams/feed.h"

namespace vedette::tests {

// Writes down what a source says. Thread-safe; `wait_for` waits until what was written satisfies a condition.
class RecordingFeed : public daemon::streams::Feed {
 public:
  struct Heard {
    base::MediaTime start;
    std::chrono::nanoseconds length;
    std::int64_t frames;
    float level_dbfs;
    bool last;
  };
  struct Seen {
    base::MediaTime time;
    std::int64_t tokens;
    std::vector<models::runtime::Sighting> sightings;
    int width, height;  // of the evidence picture; 0, 0: there is none
    float change;
    std::uint32_t lost;
    bool last;
    models::preprocess::TileGrid tiles{};
    std::vector<float> values{};  // of the tokens
  };
  struct Log {
    std::vector<Heard> heard;
    std::vector<Seen> seen;
    int motions = 0;
    std::vector<base::ClockMap> clocks;
    std::vector<signals::HealthEvent> health;
    std::vector<daemon::streams::StreamStatus> statuses;

    bool has_status(daemon::streams::StreamState state, const std::string& reason,
                    std::size_t from = 0) const {
      for (std::size_t i = from; i < statuses.size(); ++i) {
        if (statuses[i].state == state && statuses[i].reason == reason) return true;
      }
      return false;
    }
    std::string status_text() const {
      std::string text;
      for (const auto& status : statuses) {
        text += std::string(to_string(status.state)) + "(" + status.reason + ") ";
      }
      return text;
    }
  };

  void on_clock(const base::ClockMap& clock) override {
    write([&] { log_.clocks.push_back(clock); });
  }
  void on_heard(daemon::streams::HeardWindow window) override {
    const std::int64_t frames = window.features.empty() ? 0 : window.features.shape()[0];
    write([&] {
      log_.heard.push_back({window.start, window.length, frames, window.level_dbfs, window.last});
      if (settles_) committed_ = {window.start.epoch, window.start.t + window.length};
    });
  }
  void on_seen(daemon::streams::SeenFrame frame) override {
    const std::int64_t tokens = frame.tokens.empty() ? 0 : frame.tokens.shape()[0];
    const bool picture = frame.picture.owner != nullptr;
    std::vector<float> values;
    if (tokens > 0) values.assign(frame.tokens.as<float>().begin(), frame.tokens.as<float>().end());
    write([&] {
      log_.seen.push_back({frame.time, tokens, std::move(frame.sightings),
                           picture ? frame.picture.view.width : 0, picture ? frame.picture.view.height : 0,
                           frame.change, frame.lost, frame.last, frame.tiles, std::move(values)});
    });
  }
  void on_motion(const signals::MotionEvent&) override {
    write([&] { ++log_.motions; });
  }
  void on_health(const signals::HealthEvent& event) override {
    write([&] { log_.health.push_back(event); });
  }
  void on_status(const daemon::streams::StreamStatus& status) override {
    write([&] { log_.statuses.push_back(status); });
  }
  base::MediaTime committed_until() const override {
    const std::lock_guard lock(mutex_);
    return committed_;
  }

  // From now on each window is settled as soon as it is heard.
  void settle_all() {
    const std::lock_guard lock(mutex_);
    settles_ = true;
  }
  // False when it did not come true in time.
  bool wait_for(const std::function<bool(const Log&)>& holds,
                std::chrono::seconds longest = std::chrono::seconds(30)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, longest, [&] { return holds(log_); });
  }
  Log log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  template <class Write>
  void write(Write&& what) {
    {
      const std::lock_guard lock(mutex_);
      what();
    }
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Log log_;
  base::MediaTime committed_;
  bool settles_ = false;
};

}  // namespace vedette::tests
