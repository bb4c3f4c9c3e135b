#pragma once

#include <chrono>
#include <random>

namespace vedette::sinks::redis {

// Waiting times that double from `least` to `most`, each shortened by up to half at random, so that many
// daemons do not come back at once. Not thread-safe.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds least, std::chrono::milliseconds most);
  std::chrono::milliseconds next();
  void reset() { now_ = least_; }

 private:
  std::chrono::milliseconds least_, most_, now_;
  std::minstd_rand random_;
};

}  // namespace vedette::sinks::redis
