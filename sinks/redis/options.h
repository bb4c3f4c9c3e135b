#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/time.h"
#include "sinks/redis/connection.h"
#include "sinks/redis/url.h"

namespace vedette::sinks::redis {

struct PublisherOptions {
  Url url;
  std::string boot_id;                  // who we are in owner leases and consumer groups; see make_boot_id
  std::size_t queue_records = 10'000;   // records and answers that wait, of all streams together
  std::size_t queue_bytes = 32u << 20;  // and their bytes
  std::chrono::milliseconds retention{std::chrono::hours(24 * 7)};     // of records; 0: kept for ever
  std::chrono::milliseconds answer_retention{std::chrono::hours(24)};  // of answers; 0: kept for ever
  std::chrono::milliseconds lease{15'000};                             // of a stream's owner
  std::chrono::milliseconds lease_renewal{5'000};  // also how soon a free stream is taken over
  std::chrono::milliseconds least_backoff{100}, most_backoff{5'000};  // between attempts while Redis is away
  std::chrono::milliseconds drain{2'000};                             // at the end: for what still waits
  ConnectionOptions connection;
  std::function<std::int64_t()> now_ms = base::utc_now_ms;
};

// "<host>-<pid>-<8 random hexadecimal digits>".
std::string make_boot_id();

}  // namespace vedette::sinks::redis
