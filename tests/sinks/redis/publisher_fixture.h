#pragma once

#include <string>
#include <utility>

#include "sinks/redis/publisher.h"
#include "tests/support/redis_server.h"

namespace vedette::sinks::redis {

// Options with short waits, for a server of the tests.
inline PublisherOptions quick(const std::string& url, std::string boot_id = "me") {
  PublisherOptions options;
  options.url = parse_url(url);
  options.boot_id = std::move(boot_id);
  options.lease = std::chrono::milliseconds(1500);
  options.lease_renewal = std::chrono::milliseconds(200);
  options.least_backoff = std::chrono::milliseconds(10);
  options.most_backoff = std::chrono::milliseconds(100);
  options.connection.reply_timeout = std::chrono::seconds(3);
  return options;
}

inline Record a_record(int number, std::uint32_t rev = 0, std::string stream = "gate") {
  Record record;
  record.id = stream + "-1-" + std::to_string(number);
  record.rev = rev;
  record.stream = std::move(stream);
  record.kind = Kind::kTranscript;
  record.text = "words " + std::to_string(number);
  return record;
}

inline StreamStats stats_of(const RedisPublisher& publisher, std::string_view stream = "gate") {
  for (auto& stats : publisher.stats().streams) {
    if (stats.stream == stream) return stats;
  }
  return {};
}

inline bool owns(const RedisPublisher& publisher, std::string_view stream = "gate") {
  return tests::eventually([&] { return stats_of(publisher, stream).ours; });
}

}  // namespace vedette::sinks::redis
