#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vedette::daemon::http {

// Threads for jobs. Whoever brings one waits while `waiting` jobs wait already. Thread-safe.
class BoundedPool {
 public:
  BoundedPool(std::size_t threads, std::size_t waiting);
  ~BoundedPool() { shut_down(); }

  // After shut_down the job is run by the caller.
  void add(std::function<void()> job);
  // Runs what waits, then ends the threads.
  void shut_down();
  // Jobs wait for a thread.
  bool crowded() const;

 private:
  void run();

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vedette::daemon::http
