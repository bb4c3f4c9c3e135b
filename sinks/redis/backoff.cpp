#include "sinks/redis/backoff.h"

#include <algorithm>

namespace vedette::sinks::redis {

Backoff::Backoff(std::chrono::milliseconds least, std::chrono::milliseconds most)
    : least_(least), most_(most), now_(least), random_(std::random_device{}()) {}

std::chrono::milliseconds Backoff::next() {
  const auto whole = now_;
  now_ = std::min(now_ * 2, most_);
  std::uniform_int_distribution<std::chrono::milliseconds::rep> cut(0, whole.count() / 2);
  return whole - std::chrono::milliseconds(cut(random_));
}

}  // namespace vedette::sinks::redis
