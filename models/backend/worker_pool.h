#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "models/backend/function_ref.h"

namespace vedette::models::backend {

// The threads that all ops of a process share. A caller of parallel_for works along with them, so a pool of n
// threads has n - 1 workers. Workers run at lower priority than streaming threads (nice 5), spin for some ten
// microseconds after their last chunk and then sleep. Thread-safe: several callers may be inside parallel_for
// at once, also nested; each always gets on with its own work, so none can be starved or locked out.
class WorkerPool {
 public:
  // `threads`: callers and workers together; 0: one per core that this process may run on.
  explicit WorkerPool(int threads = 0);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end) until [0, count) is covered, each chunk of at most `grain` once, in any order and
  // at the same time on several threads. Returns when all are done; allocates nothing. Requires: grain >= 1.
  // Throws: the first exception of a body, after all chunks have ended.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    FunctionRef<void(std::int64_t, std::int64_t)> body);

 private:
  struct Job;

  void run_worker(std::stop_token stop);
  Job* take_job();  // Requires: mutex_ is held, as for unlink
  void unlink(Job& job);

  std::mutex mutex_;  // guards the list of jobs and their helper counts
  std::condition_variable_any wake_;
  Job* jobs_ = nullptr;
  int sleeping_ = 0;
  std::atomic<std::uint32_t> open_jobs_{0};  // jobs that still have chunks; what a spinning worker watches
  std::vector<std::jthread> workers_;        // last: joined before the rest goes
};

}  // namespace vedette::models::backend
