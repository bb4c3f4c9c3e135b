#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/publisher.h"
#include "sinks/question.h"
#include "sinks/redis/error.h"
#include "sinks/redis/lane.h"
#include "sinks/redis/options.h"

namespace vedette::sinks::redis {

// How one stream's records fare.
struct StreamStats {
  std::string stream;  // "(answers)" and "(alerts)" for the streams that all share
  bool ours = false;   // we hold the lease
  std::string owner;   // who does, "" when not known
  std::size_t queued = 0;
  std::uint64_t written = 0;        // accepted by Redis
  std::uint64_t known_before = 0;   // found there already after a lost connection
  std::uint64_t restamped = 0;      // given a new entry id because Redis refused the first
  std::uint64_t coverage_lost = 0;  // seconds of coverage that were not kept
  DropCounts dropped;
};

struct PublisherStats {
  bool up = false;                // connected, and the last thing we wrote was accepted
  std::string problem;            // why not up
  std::uint64_t connections = 0;  // made since the start
  std::array<std::uint64_t, kErrorClasses> errors{};
  std::size_t queue_records = 0, queue_bytes = 0;
  std::uint64_t live_sent = 0, live_dropped = 0;
  std::uint64_t unknown_stream = 0;  // records for a stream that is not configured
  std::vector<StreamStats> streams;
};

// Publishes to Redis by contract version 1 (docs/redis.md). A bounded queue and one writer thread, which owns
// the connection, the owner leases and the state hashes; nobody else waits for Redis. While Redis is away the
// queue fills, then new records are dropped and counted; on return the rest is written in order, none twice.
// Thread-safe.
class RedisPublisher : public Publisher {
 public:
  explicit RedisPublisher(PublisherOptions options);
  ~RedisPublisher() override;  // as stop()

  // The streams that we are to write; those that went away give their lease back once their records are
  // written.
  void set_streams(const std::vector<std::string>& streams);
  // How long records are kept, from the next one on; 0: for ever.
  void set_retention(std::chrono::milliseconds retention);

  PublishOutcome publish(Record record) override;
  void publish_live(std::string_view stream, std::string_view text) override;
  void publish_state(StateUpdate update) override;

  // What was watched of a stream, a letter per second from `first` on, seconds since 1970 (docs/redis.md).
  // While Redis is away the newest hours are kept.
  void publish_coverage(std::string_view stream, std::string_view modality, std::int64_t first,
                        std::string_view letters);

  // An answer to `vedette:answers`. `done` is called on the writer's thread once Redis has it, or has refused
  // it for good; not when we stop first. It must not block.
  PublishOutcome publish_answer(const Answer& answer, Done done = {});

  // Writes what waits, for at most `options.drain`, gives the leases back and ends the thread. Drops what is
  // left.
  void stop();

  PublisherStats stats() const;
  // Who writes the stream, as far as we know: our boot id, another's, or "" when that is not known or the
  // stream is not configured here.
  std::string owner(std::string_view stream) const;
  const PublisherOptions& options() const;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace vedette::sinks::redis
