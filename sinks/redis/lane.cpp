#include "sinks/redis/lane.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sinks/redis/scripts.h"

namespace vedette::sinks::redis {

Lane::Lane(std::string stream_id, std::string key_name, std::chrono::milliseconds keep, Backoff wait)
    : stream(std::move(stream_id)),
      key(std::move(key_name)),
      owner_key(stream.empty() ? "" : "vedette:{" + stream + "}:owner"),
      state_key(stream.empty() ? "" : "vedette:{" + stream + "}:state"),
      revision_field(key == "vedette:answers" ? "seq" : "rev"),
      retention(keep),
      lease(stream.empty() ? Lease::kNotNeeded : Lease::kUnasked),
      backoff(wait) {}

std::string Lane::name() const {
  return stream.empty() ? "(" + key.substr(key.find(':') + 1) + ")" : stream;
}

std::string Lane::least_id(std::int64_t now_ms) const {
  if (retention.count() <= 0 || now_ms <= retention.count()) return "";
  return std::to_string(now_ms - retention.count());
}

bool Lane::ready(std::chrono::steady_clock::time_point now) const {
  if (lease != Lease::kOurs && lease != Lease::kNotNeeded) return false;
  return !drained() && retry_at <= now;
}

std::size_t Lane::restamp(EntryId last) {
  std::size_t count = 0;
  EntryIdClock again;
  again.observe(last);
  for (Entry& entry : queue) {
    if (entry.id > again.last()) {
      again.observe(entry.id);
    } else {
      entry.id = again.next(0);
      ++count;
    }
  }
  ids.observe(again.last());
  restamped += count;
  return count;
}

std::size_t Lane::append_batch(Connection& connection, const std::string& boot_id, std::int64_t now_ms,
                               std::size_t most, std::size_t bytes) const {
  std::size_t count = 0;
  std::size_t size = 0;
  while (count < queue.size() && count < most && (count == 0 || size + queue[count].bytes <= bytes)) {
    size += queue[count++].bytes;
  }
  const std::string least = least_id(now_ms);
  std::vector<std::string> numbers;  // backs the views below
  numbers.reserve(2 * count);
  std::vector<std::string_view> args = {"EVAL", scripts::kAppend, owner_key.empty() ? "1" : "2", key};
  if (!owner_key.empty()) args.push_back(owner_key);
  args.insert(args.end(), {boot_id, least, revision_field});
  for (std::size_t i = 0; i < count; ++i) {
    const Entry& entry = queue[i];
    args.push_back(numbers.emplace_back(entry.id.text()));
    args.push_back(numbers.emplace_back(std::to_string(2 * entry.fields.size())));
    for (const auto& [name, value] : entry.fields) args.insert(args.end(), {name, value});
  }
  connection.append(args);
  return count;
}

}  // namespace vedette::sinks::redis
