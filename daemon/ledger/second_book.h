#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/ledger/coverage.h"

namespace vedette::daemon::ledger {

// Letters of consecutive seconds of UTC.
struct Seconds {
  std::int64_t first = 0;  // since 1970
  std::string letters;     // one per second, see letter_of
};

// Turns spans of time in a state into one letter per second of UTC: the state that most of it was in. Not
// thread-safe. What nobody takes is kept for a day.
class SecondBook {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  // That state, from one moment of UTC to another. Spans come one after the other; a clock that was set back
  // by over a second begins again there.
  void add(Coverage state, Nanoseconds from, Nanoseconds to);
  // The second that has begun counts with what is known of it.
  void finish();
  // What is over and was not taken yet, oldest first.
  std::vector<Seconds> take();

 private:
  static constexpr Nanoseconds kSecond = std::chrono::seconds(1);

  std::int64_t second_ = 0;  // the one that is not over
  Nanoseconds end_{0};       // of the newest span
  std::array<Nanoseconds, kCoverageStates> shares_{};
  bool begun_ = false;
  std::vector<Seconds> done_;
};

}  // namespace vedette::daemon::ledger
