#pragma once

#include <hiredis/hiredis.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sinks/redis/error.h"
#include "sinks/redis/url.h"

namespace vedette::sinks::redis {

struct ContextDeleter {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct ReplyDeleter {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, ReplyDeleter>;

// The text of a string, status or error reply; "" for others.
std::string_view text_of(const redisReply* reply);

struct ConnectionOptions {
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds reply_timeout{5000};  // for one reply; a blocking command adds its own wait
  std::size_t reply_bytes = 16u << 20;            // a longer reply ends the connection
};

// One connection to Redis: commands are appended, then their replies are read in order. Sending raises no
// SIGPIPE, every wait ends at its timeout or on `interrupt`. One thread uses it; only `interrupt` may come
// from others.
class Connection {
 public:
  explicit Connection(ConnectionOptions options = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects, authenticates and selects the database. Empty on success.
  std::optional<Error> open(const Url& url);
  void close();
  bool is_open() const { return context_ != nullptr; }

  // Adds a command to what is sent with the next `receive`.
  void append(std::initializer_list<std::string_view> args) { append(std::span(args.begin(), args.size())); }
  void append(std::span<const std::string_view> args);

  // The next reply in order, an error reply included. Null when the connection is lost: it is then closed,
  // and `error` says why. `extra` is added to the reply's timeout.
  Reply receive(std::chrono::milliseconds extra = {});

  // append and receive in one.
  Reply command(std::initializer_list<std::string_view> args);

  const Error& error() const { return error_; }

  // Ends every wait of this connection now and from now on. Thread-safe.
  void interrupt();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  bool flush(Deadline deadline);
  bool read_some(Deadline deadline);
  bool wait(short events, Deadline deadline);
  std::nullptr_t lose(ErrorClass error, std::string text);
  std::optional<Error> enter(const Url& url);

  const ConnectionOptions options_;
  std::unique_ptr<redisContext, ContextDeleter> context_;
  std::string out_;
  std::size_t sent_ = 0;        // of out_
  std::size_t reply_read_ = 0;  // bytes read for the reply that is being waited for
  Error error_;
  const int wake_;  // eventfd of interrupt
};

}  // namespace vedette::sinks::redis
