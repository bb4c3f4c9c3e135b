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

#include "daemon/metrics/metrics.h"

namespace vedette::daemon::ledger {

// What is known about one second of one stream's sound or picture.
enum class Coverage : std::uint8_t {
  kStarting,
  kAnalysed,
  kGated,
  kShed,
  kNoSignal,
  kDecodeError,
  kPaused,
  kDown
};
constexpr std::size_t kCoverageStates = 8;
const char* to_string(Coverage state);  // "starting", "analysed", ...

enum class Modality : std::uint8_t { kAudio, kVideo };
const char* to_string(Modality modality);  // "audio", "video"

// The book of what was watched: every stream and modality is in exactly one state at a time, from begin() to
// end(), so that the seconds of its states add up to the wall time between. Thread-safe.
class Ledger {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Ledger(std::function<Clock::time_point()> now = Clock::now) : now_(std::move(now)) {}

  // The stream is configured from now on, in state kStarting. Nothing when it is already.
  void begin(const std::string& stream, Modality modality);
  // The state from now on. Nothing when the stream was not begun.
  void set(const std::string& stream, Modality modality, Coverage state);
  // The stream is no longer configured; its seconds stay.
  void end(const std::string& stream, Modality modality);

  struct Account {
    std::string stream;
    Modality modality{};
    Coverage state{};  // now
    bool open = true;  // begun and not ended
    std::array<std::chrono::nanoseconds, kCoverageStates> spent{};
  };
  // All accounts up to now.
  std::vector<Account> accounts() const;

  // vedette_coverage_seconds_total{stream,modality,state}
  void write(metrics::Scrape& scrape) const;

 private:
  struct Open {
    Account account;
    Clock::time_point since;
  };
  static void settle(Open& open, Clock::time_point now);

  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, Modality>, Open> open_;
};

}  // namespace vedette::daemon::ledger
