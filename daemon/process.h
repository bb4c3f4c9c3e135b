#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace vedette::daemon {

// Call it before there are threads. Windows, mels and keys come and go by the megabyte on many threads: left
// to its habits glibc keeps them in an arena per thread, each of which grows for as long as the service runs.
void keep_memory_flat();
// Gives back to the system what the allocator holds between pieces that are in use. Takes milliseconds.
void give_back_memory();

enum class Signal : std::uint8_t { kNone, kStop, kReload };

// SIGTERM and SIGINT (stop) and SIGHUP (reload), held back from every thread that starts after this, and
// waited for here. Make it first in main.
class Signals {
 public:
  Signals();
  // Waits for one of them, at most `longest`.
  Signal wait(std::chrono::nanoseconds longest) const;

 private:
  sigset_t signals_;
};

// Ends the process with code 1, saying so, unless it is destroyed in time: a shutdown that hangs is worse
// than a rough one.
class ShutdownDeadline {
 public:
  explicit ShutdownDeadline(std::chrono::seconds longest);
  ~ShutdownDeadline();

 private:
  std::mutex mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;
  std::thread thread_;
};

// Tells systemd (sd_notify(3)); nothing happens without it.
void notify_ready(const std::string& status);
// A reload begins, which notify_ready ends.
void notify_reloading();
void notify_status(const std::string& status);
void notify_stopping();
// Feeds systemd's watchdog (WatchdogSec=).
void notify_alive();

}  // namespace vedette::daemon
