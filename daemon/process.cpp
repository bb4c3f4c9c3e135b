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

void give_back_memory() {
  malloc_trim(0);
}

Signals::Signals() {
  sigemptyset(&signals_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is gone is an error code, not our end
}

Signal Signals::wait(std::chrono::nanoseconds longest) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(longest);
  const timespec limit{seconds.count(), (longest - seconds).count()};
  const int signal = sigtimedwait(&signals_, nullptr, &limit);
  return signal <= 0 ? Signal::kNone : signal == SIGHUP ? Signal::kReload : Signal::kStop;
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

void notify_reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC, as systemd's
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
}

void notify_status(const std::string& status) {
  sd_notifyf(0, "STATUS=%s", status.c_str());
}

void notify_alive() {
  sd_notify(0, "WATCHDOG=1");
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

}  // namespace vedette::daemon
