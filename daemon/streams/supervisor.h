#pragma once

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/settings/settings.h"
#include "daemon/streams/feed.h"
#include "daemon/streams/feed_gate.h"
#include "daemon/streams/stream_figures.h"
#include "gst-plugins/runtime_context.h"

namespace vedette::daemon::streams {

// Runs every stream, each in a thread of its own: connects, and connects anew for ever with jittered waits,
// says so in the log and to the feed. One bad stream costs the others nothing. Methods: one thread, but for
// `figures`.
class Supervisor {
 public:
  // Throws: std::runtime_error when GStreamer or our plugin cannot be used.
  explicit Supervisor(gst::RuntimeHandle runtime);
  ~Supervisor();  // as stop

  // Starts a stream. The feed is kept until the stream has stopped.
  void start(settings::StreamSettings stream, std::shared_ptr<Feed> feed);
  // Stops these streams, or all; returns when their feeds are called no more, within 5 s: a stream whose
  // device or driver does not return by then is cut off and its thread left behind, which the log says.
  // Unknown ids are ignored.
  void stop(const std::vector<std::string>& ids);
  void stop();
  // Its figures are kept no longer. Requires: it is stopped.
  void forget(const std::string& id);
  // Of all streams, those that are started later included.
  void set_picture_share(double share);
  // By id, of every stream that was started and is not forgotten. Any thread.
  std::map<std::string, std::shared_ptr<const StreamFigures>> figures() const;

 private:
  struct Running {
    std::string id;
    std::shared_ptr<FeedGate> gate;
    std::future<void> ended;
    std::jthread thread;
  };

  void wait_for(Running& running, std::chrono::steady_clock::time_point deadline);

  const gst::RuntimeHandle runtime_;
  std::vector<Running> running_;
  mutable std::mutex figures_mutex_;  // guards the rest
  double picture_share_ = 1.0;
  std::map<std::string, std::shared_ptr<StreamFigures>> figures_;
};

}  // namespace vedette::daemon::streams
