#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace vedette::daemon::http {

struct EventLimits {
  std::size_t events = 2048;        // that are kept
  std::size_t bytes = 4U << 20;     // of them together
  std::size_t listeners = 16;       // at a time
  std::size_t batch_bytes = 65536;  // that one listener is given at once, or one event
};

struct EventStats {
  std::size_t listeners = 0;
  std::uint64_t events = 0;   // that came
  std::uint64_t lost = 0;     // that a listener was too slow for, added up over listeners
  std::uint64_t refused = 0;  // listeners for whom there was no place
};

// The newest events of this process, in the form of Server-Sent Events, for any number of readers up to a
// bound. There is one ring for all: a reader is a place in it, so that a slow one costs no memory; what it
// was too slow for is counted, and it is told. Thread-safe.
class EventLog {
 public:
  explicit EventLog(EventLimits limits = {});

  // `kind`: a word; `data`: one line.
  void add(std::string_view kind, std::string_view data);
  // Ends all waits, now and from now on.
  void close();
  EventStats stats() const;

  // A place among the events. Not thread-safe; must not outlive the log.
  class Listener {
   public:
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    enum class Outcome : std::uint8_t { kEvents, kNothing, kLost, kClosed };
    // Waits for events at most `most`, and appends them to `text`, a bounded number of bytes. kLost: some are
    // no longer there, and it goes on with what comes next: what they told must be told anew.
    Outcome next(std::chrono::milliseconds most, std::string& text);

   private:
    friend class EventLog;
    Listener(EventLog& log, std::uint64_t at) : log_(log), at_(at) {}
    EventLog& log_;
    std::uint64_t at_;
  };
  // Listens to what comes after the event `last_id` where that is still there, else from now on: `resumed`
  // tells. Null: all places are taken.
  std::unique_ptr<Listener> listen(std::string_view last_id, bool& resumed);

 private:
  std::optional<std::uint64_t> place_of(std::string_view id) const;

  const EventLimits limits_;
  const std::string run_;  // begins every id: another process's ids mean nothing here
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> events_;
  std::uint64_t first_ = 1;  // number of events_.front()
  std::size_t bytes_ = 0;
  bool closed_ = false;
  EventStats stats_;
};

}  // namespace vedette::daemon::http
