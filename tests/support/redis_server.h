#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sinks/redis/connection.h"

namespace vedette::tests {

// A private redis-server on a loopback port of its own, in a temporary folder, without persistence. Stopped
// by its process id at the end of scope. Throws: std::runtime_error when it does not come up.
class RedisServer {
 public:
  // `options` as on redis-server's command line: {"--maxmemory", "2mb"}.
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  int port() const { return port_; }
  const std::filesystem::path& socket() const { return socket_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  void pause();      // SIGSTOP: connections stay, nobody answers
  void resume();     // SIGCONT
  void shut_down();  // ends the process; what it held is gone
  void start();      // again, on the same port

 private:
  std::vector<std::string> options_;
  std::filesystem::path folder_, socket_;
  int port_ = 0;
  pid_t pid_ = -1;
};

// A client for the tests: runs commands, gives replies as text. Throws: std::runtime_error on a lost
// connection.
class RedisClient {
 public:
  explicit RedisClient(const std::string& url);

  // The reply as text: integers in decimal, arrays joined by spaces, nil as "(nil)", errors as they are.
  std::string run(std::initializer_list<std::string_view> args);
  std::string next();  // what comes by itself after SUBSCRIBE
  sinks::redis::Reply reply(std::initializer_list<std::string_view> args);

  struct Entry {
    std::string id;
    std::map<std::string, std::string> fields;
  };
  std::vector<Entry> entries(std::string_view stream);
  std::map<std::string, std::string> hash(std::string_view key);

 private:
  sinks::redis::Connection connection_;
};

// Waits until `done` is true, at most a minute (sanitizers on a busy machine are slow); the result is its
// last value.
template <class Condition>
bool eventually(Condition done);

}  // namespace vedette::tests

#include <chrono>
#include <thread>

template <class Condition>
bool vedette::tests::eventually(Condition done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return done();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}
