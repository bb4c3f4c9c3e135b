#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "daemon/ledger/coverage.h"
#include "daemon/ledger/second_book.h"
#include "daemon/metrics/metrics.h"

namespace vedette::daemon::ledger {

// Which of a stream's modalities are accounted for.
struct Booked {
  bool sound = true, picture = false;
};

// The book of what was watched: every stream and modality is in exactly one state at a time, for as long as
// it is booked, so that the seconds of its states add up to the time between. The history is by UTC: where
// the system's clock is set, what it skips stays unwritten, and what it repeats is written again; by how much
// is counted and logged. Thread-safe.
class Ledger {
 public:
  using Clock = std::chrono::steady_clock;

  using Nanoseconds = std::chrono::nanoseconds;

  // `utc`: since 1970.
  explicit Ledger(std::function<Clock::time_point()> now = Clock::now,
                  std::function<Nanoseconds()> utc = system_utc);

  // What of the stream is accounted for from now on. What was not begins in state kStarting, what was goes on
  // in the state that it is in; the seconds of what is no longer stay.
  void book(const std::string& stream, Booked booked);
  // The state from now on. Nothing when that is not booked.
  void set(const std::string& stream, Modality modality, Coverage state);
  // The stream is no longer configured: its seconds go. Requires: nothing of it is booked.
  void forget(const std::string& stream);

  struct Account {
    std::string stream;
    Modality modality{};
    Coverage state{};  // now
    bool open = true;  // booked
    std::array<std::chrono::nanoseconds, kCoverageStates> spent{};
  };
  // All accounts up to now.
  std::vector<Account> accounts() const;

  // The seconds of UTC that are over and were not taken yet, as letters.
  struct History {
    std::string stream;
    Modality modality{};
    Seconds seconds;
  };
  std::vector<History> take_history();

  // vedette_coverage_seconds_total{stream,modality,state}, vedette_clock_stepped_seconds_total{direction}
  void write(metrics::Scrape& scrape) const;

 private:
  struct Open {
    Account account;
    Clock::time_point since;
    SecondBook seconds;
  };
  static Nanoseconds system_utc();
  void note_step(Nanoseconds by);
  // All of these require that mutex_ is held.
  void settle(Open& open, Clock::time_point now);
  void begin(const std::string& stream, Modality modality, Clock::time_point now);
  void end(const std::string& stream, Modality modality, Clock::time_point now);

  const std::function<Clock::time_point()> now_;
  const std::function<Nanoseconds()> utc_;
  mutable std::mutex mutex_;
  Nanoseconds utc_of_zero_;  // UTC of the steady clock's zero, as it was when the history was last taken
  Nanoseconds stepped_forward_{0}, stepped_back_{0};
  std::map<std::pair<std::string, Modality>, Open> open_;
};

}  // namespace vedette::daemon::ledger
