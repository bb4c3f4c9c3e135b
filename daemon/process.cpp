#include "daemon/process.h"

#include <malloc.h>
#include <pthread.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "base/log.h"

namespace vedette::daemon {

void keep_memory_flat() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);  // and stays there: freed megabytes go back to the system at once
  mallopt(M_ARENA_MAX, 4);
}

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  std::signal(SIGHUP, SIG_IGN);   // a terminal that closes; the configuration is read at a start only
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is gone is an error code, not our end
}

bool StopSignals::wait(std::chrono::nanoseconds longest) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(longest);
  const timespec limit{seconds.count(), (longest - seconds).count()};
  return sigtimedwait(&signals_, nullptr, &limit) > 0;
}

ShutdownDeadline::ShutdownDeadline(std::chrono::seconds longest)
    : thread_([this, longest] {
        std::unique_lock lock(mutex_);
        if (done_changed_.wait_for(lock, longest, [this] { return done_; })) return;
        base::log(base::LogLevel::kError, "vedetted",
                  "did not stop within " + std::to_string(longest.count()) + " s: giving up");
        std::_Exit(1);
      }) {}

ShutdownDeadline::~ShutdownDeadline() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  done_changed_.notify_one();
  thread_.join();
}

void notify_ready(const std::string& status) {
  sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
}

void notify_status(const std::string& status) {
  sd_notifyf(0, "STATUS=%s", status.c_str());
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

}  // namespace vedette::daemon
