#include "models/backend/worker_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

namespace vedette::models::backend {

namespace {

constexpr int kWorkerNice = 5;     // below streaming threads, above batch jobs
constexpr int kSpinRounds = 2000;  // 40 to 100 microseconds: longer than the serial gap between two ops

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace

// Lives on its caller's stack; in the list while it has chunks left.
struct WorkerPool::Job {
  Job(std::int64_t total, std::int64_t chunk, FunctionRef<void(std::int64_t, std::int64_t)> work)
      : count(total), grain(chunk), body(work) {}

  // Works until no chunk is left.
  void run() {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        body(begin, std::min(count, begin + grain));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }

  const std::int64_t count, grain;
  const FunctionRef<void(std::int64_t, std::int64_t)> body;
  std::atomic<std::int64_t> next{0};
  std::atomic<int> helpers{0};  // workers inside run()
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  Job* following = nullptr;
  bool linked = true;  // in the list; guarded by the pool's mutex
};

WorkerPool::WorkerPool(int threads) {
  const int total = threads > 0 ? threads : usable_cores();
  workers_.reserve(static_cast<std::size_t>(total - 1));
  for (int i = 1; i < total; ++i) workers_.emplace_back([this](std::stop_token stop) { run_worker(stop); });
}

WorkerPool::~WorkerPool() {
  for (auto& worker : workers_) worker.request_stop();
  wake_.notify_all();
}

void WorkerPool::parallel_for(std::int64_t count, std::int64_t grain,
                              FunctionRef<void(std::int64_t, std::int64_t)> body) {
  if (count <= 0) return;
  if (count <= grain || workers_.empty()) {
    for (std::int64_t begin = 0; begin < count; begin += grain) body(begin, std::min(count, begin + grain));
    return;
  }
  Job job(count, grain, body);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    job.following = jobs_;
    jobs_ = &job;
    open_jobs_.fetch_add(1, std::memory_order_release);
    wake = sleeping_ > 0;
  }
  if (wake) wake_.notify_all();
  job.run();
  {
    const std::lock_guard lock(mutex_);
    if (job.linked) unlink(job);
  }
  for (int round = 0; job.helpers.load(std::memory_order_acquire) != 0; ++round) {
    if (round < kSpinRounds) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
  if (job.error) std::rethrow_exception(job.error);
}

void WorkerPool::unlink(Job& job) {
  Job** link = &jobs_;
  while (*link != &job) link = &(*link)->following;
  *link = job.following;
  job.linked = false;
  open_jobs_.fetch_sub(1, std::memory_order_relaxed);
}

WorkerPool::Job* WorkerPool::take_job() {
  while (jobs_ != nullptr) {
    Job& job = *jobs_;
    if (job.next.load(std::memory_order_relaxed) < job.count) {
      job.helpers.fetch_add(1, std::memory_order_relaxed);
      return &job;
    }
    unlink(job);  // so that idle workers do not keep looking at it
  }
  return nullptr;
}

void WorkerPool::run_worker(std::stop_token stop) {
  pthread_setname_np(pthread_self(), "worker");
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kWorkerNice);
  while (!stop.stop_requested()) {
    for (int round = 0; round < kSpinRounds && open_jobs_.load(std::memory_order_acquire) == 0; ++round)
      relax();
    Job* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      job = take_job();
      if (job == nullptr) {
        ++sleeping_;
        wake_.wait(lock, stop, [this] { return jobs_ != nullptr; });
        --sleeping_;
        job = take_job();
      }
    }
    if (job == nullptr) continue;
    job->run();
    job->helpers.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace vedette::models::backend
