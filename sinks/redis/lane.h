#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sinks/record.h"
#include "sinks/redis/backoff.h"
#include "sinks/redis/connection.h"
#include "sinks/redis/coverage_queue.h"
#include "sinks/redis/entry_id.h"

namespace vedette::sinks::redis {

// Told to who asked: true once Redis has the entry, false when it never will. Called on the writer's thread.
using Done = std::function<void(bool written)>;

// An entry that waits to be written. Its id is fixed when it enters.
struct Entry {
  EntryId id;
  Fields fields;
  std::size_t bytes = 0;
  Done done;
};

enum class Lease : std::uint8_t { kNotNeeded, kUnasked, kOurs, kOthers };

// Why a record was lost.
struct DropCounts {
  std::uint64_t full = 0, not_owner = 0, closed = 0, rejected = 0;
};

// Everything that goes to one Redis stream and the keys beside it, in order. Not thread-safe: the publisher's
// lock guards it.
struct Lane {
  Lane(std::string stream_id, std::string key_name, std::chrono::milliseconds keep, Backoff wait);

  // The stream's id; "(answers)" or "(alerts)" for the lanes of all streams.
  std::string name() const;
  // The time before which entries may go, as MINID; "" to keep all.
  std::string least_id(std::int64_t now_ms) const;
  // True when there is something to write that may be written at `now`.
  bool ready(std::chrono::steady_clock::time_point now) const;
  // Nothing waits to be written.
  bool drained() const { return queue.empty() && !state_changed && coverage.empty(); }
  // Stamps what Redis would refuse anew, behind `last`, keeping the order. Returns how many.
  std::size_t restamp(EntryId last);
  // Appends kAppend for the first entries, at most `most` of them and about `bytes`. Returns how many.
  std::size_t append_batch(Connection& connection, const std::string& boot_id, std::int64_t now_ms,
                           std::size_t most, std::size_t bytes) const;

  const std::string stream;     // "" for the lanes of all streams: alerts, answers
  const std::string key;        // of the Redis stream
  const std::string owner_key;  // "" where no lease is needed
  const std::string state_key;
  const std::string revision_field;  // tells a record's writings apart
  std::chrono::milliseconds retention;

  std::deque<Entry> queue;
  EntryIdClock ids;
  Lease lease;
  std::string owner;  // who has the lease, as far as known
  Backoff backoff;
  std::chrono::steady_clock::time_point retry_at{};
  std::map<std::string, std::string> state;  // fields of the state hash
  bool state_changed = false;
  CoverageQueue coverage;
  bool leaving = false;  // no longer configured: goes away once it is empty

  DropCounts dropped;
  std::uint64_t written = 0, known_before = 0, restamped = 0;
};

}  // namespace vedette::sinks::redis
