#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/record.h"
#include "sinks/redis/url.h"

namespace vedette::sinks::redis {

// Redis cannot be reached, or refuses.
class ReaderError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An entry of a Redis stream.
struct StreamEntry {
  std::string key, id;
  std::map<std::string, std::string> fields;
};

// The other side of the contract: what a program that listens needs. Every method waits for Redis and throws
// ReaderError; after a lost connection the next one connects anew. Not thread-safe.
class Reader {
 public:
  explicit Reader(const Url& url);
  ~Reader();

  // Connects when not connected.
  void open();

  // Ids in `vedette:streams`, sorted.
  std::vector<std::string> streams();
  std::map<std::string, std::string> hash(const std::string& key);
  // "" for none.
  std::string get(const std::string& key);
  // Bytes first to last of a string; "" where there are none.
  std::string range(const std::string& key, std::int64_t first, std::int64_t last);
  // The last id of a stream, "0-0" for none.
  std::string last_id(const std::string& key);
  // Appends an entry with an id of Redis's own making, and returns that.
  std::string add(const std::string& key, const Fields& fields);

  // Entries behind the given ids (key to id), at most 256, waiting for the first one for up to `wait` (0: not
  // at all); the ids then move on.
  std::vector<StreamEntry> read(std::map<std::string, std::string>& after, std::chrono::milliseconds wait);

 private:
  class Inside;
  const std::unique_ptr<Inside> inside_;
};

}  // namespace vedette::sinks::redis
