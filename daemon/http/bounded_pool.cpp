#include "daemon/http/bounded_pool.h"

#include <utility>

namespace vedette::daemon::http {

BoundedPool::BoundedPool(std::size_t threads, std::size_t waiting) : most_(waiting) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void BoundedPool::add(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || jobs_.size() < most_; });
  if (!closed_) {
    jobs_.push_back(std::move(job));
    changed_.notify_all();
    return;
  }
  lock.unlock();
  job();
}

void BoundedPool::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    changed_.notify_all();
    lock.unlock();
    job();
  }
}

bool BoundedPool::crowded() const {
  const std::lock_guard lock(mutex_);
  return !jobs_.empty();
}

void BoundedPool::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace vedette::daemon::http
