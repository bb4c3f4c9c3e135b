#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sinks/redis/error.h"
#include "sinks/redis/url.h"

namespace vedette::sinks::redis {

// What a Redis is like, as far as it says so; what an ACL keeps from us stays empty.
struct Examination {
  std::optional<Error> unreachable;              // the rest is empty then
  std::optional<Error> write_refused;            // of a key of our own, which is gone afterwards
  std::string version;                           // "7.0.15"
  std::uint64_t used_bytes = 0, most_bytes = 0;  // most 0: no limit
  std::string policy;                            // "noeviction", "allkeys-lru"
  bool append_only = false;                      // appends what it is told to a file
  bool saves = false;                            // writes everything out now and then
  bool last_save_failed = false;
};

// Connects, asks INFO, and writes one key that lives for 10 s at most. 7 s a reply at most.
Examination examine(const Url& url);

}  // namespace vedette::sinks::redis
