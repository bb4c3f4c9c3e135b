#include "daemon/streams/supervisor.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <stop_token>

#include "base/log.h"
#include "base/time.h"
#include "daemon/streams/backoff.h"
#include "daemon/streams/pipeline.h"
#include "daemon/streams/session.h"

namespace vedette::daemon::streams {

namespace {

using namespace std::chrono_literals;

// Of the 5 s that a stop may take, what sources have; the rest is for what is open to close.
constexpr auto kLongestEnd = 4s;

// True when the whole time passed; false when stop came first.
bool sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

void log_end(const std::string& id, const Failure& failure, std::chrono::milliseconds wait) {
  const bool ended = failure.reason == "eos";
  std::string text = ended ? "ended" : "lost (" + failure.reason + ")";
  if (!failure.detail.empty() && !ended) text += ": " + failure.detail;
  text += "; next try in " + std::to_string(wait.count()) + " ms";
  base::log_limited(ended ? base::LogLevel::kInfo : base::LogLevel::kWarning, id, failure.reason, text);
}

// One stream, until it is told to stop.
void run_stream(settings::StreamSettings stream, const gst::RuntimeHandle& runtime, Feed& feed,
                StreamFigures& figures, const std::stop_token& stop) {
  Backoff backoff(stream.retry_first, stream.retry_longest,
                  std::hash<std::string>{}(stream.id) ^ std::random_device{}());
  std::uint32_t epoch = 0;
  while (!stop.stop_requested()) {
    Session session(stream, runtime, feed, figures, epoch);
    const Session::Outcome outcome = session.run(stop);
    epoch = outcome.next_epoch;
    figures.end_connection();
    figures.set_tried();
    if (stop.stop_requested()) break;
    if (outcome.failure.hardware_decoder && stream.decoder == settings::Decoder::kAuto) {
      stream.decoder = settings::Decoder::kSoftware;
      base::log(base::LogLevel::kWarning, stream.id,
                "the decoder in hardware failed: pictures are decoded by software from now on");
    }
    if (outcome.ran) backoff.succeeded();
    const std::chrono::milliseconds wait = backoff.next();
    log_end(stream.id, outcome.failure, wait);
    feed.on_status({StreamState::kReconnecting, outcome.failure.reason, base::utc_now_ms() + wait.count()});
    if (!sleep_for(wait, stop)) break;
  }
  feed.on_status({StreamState::kStopped, "", 0});
}

}  // namespace

Supervisor::Supervisor(gst::RuntimeHandle runtime) : runtime_(std::move(runtime)) {
  start_gstreamer();
}

Supervisor::~Supervisor() {
  stop();
}

void Supervisor::start(settings::StreamSettings stream, std::shared_ptr<Feed> feed) {
  std::string id = stream.id;
  std::shared_ptr<StreamFigures> figures;
  {
    const std::lock_guard lock(figures_mutex_);
    auto& known = figures_[id];
    if (!known) known = std::make_shared<StreamFigures>();
    known->set_picture_share(picture_share_);
    figures = known;
  }
  auto gate = std::make_shared<FeedGate>(std::move(feed));
  std::packaged_task<void(const std::stop_token&)> task(
      [stream = std::move(stream), runtime = runtime_, gate, figures](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), stream.id.substr(0, 15).c_str());
        try {
          run_stream(stream, runtime, *gate, *figures, stop);
        } catch (const std::exception& error) {
          base::log(base::LogLevel::kError, stream.id, std::string("given up: ") + error.what());
          gate->on_status({StreamState::kStopped, "error", 0});
        }
      });
  std::future<void> ended = task.get_future();
  running_.push_back({std::move(id), std::move(gate), std::move(ended), std::jthread(std::move(task))});
}

void Supervisor::stop(const std::vector<std::string>& ids) {
  const auto among = [&](const Running& running) { return std::ranges::find(ids, running.id) != ids.end(); };
  for (Running& running : running_) {
    if (among(running)) running.thread.request_stop();
  }
  const auto deadline = std::chrono::steady_clock::now() + kLongestEnd;
  for (Running& running : running_) {
    if (among(running)) wait_for(running, deadline);
  }
  std::erase_if(running_, among);
}

void Supervisor::wait_for(Running& running, std::chrono::steady_clock::time_point deadline) {
  if (running.ended.wait_until(deadline) == std::future_status::ready) return;
  running.gate->shut({StreamState::kStopped, "stuck", 0});
  running.thread.detach();
  forget(running.id);  // its figures stay with it
  base::log(base::LogLevel::kError, running.id,
            "its source does not stop: cut off after 4 s, and its thread left behind");
}

void Supervisor::forget(const std::string& id) {
  const std::lock_guard lock(figures_mutex_);
  figures_.erase(id);
}

void Supervisor::stop() {
  std::vector<std::string> all;
  for (const Running& running : running_) all.push_back(running.id);
  stop(all);
}

void Supervisor::set_picture_share(double share) {
  const std::lock_guard lock(figures_mutex_);
  picture_share_ = share;
  for (const auto& [id, figures] : figures_) figures->set_picture_share(share);
}

std::map<std::string, std::shared_ptr<const StreamFigures>> Supervisor::figures() const {
  const std::lock_guard lock(figures_mutex_);
  return {figures_.begin(), figures_.end()};
}

}  // namespace vedette::daemon::streams
