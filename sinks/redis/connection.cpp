#include "sinks/redis/connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace vedette::sinks::redis {

namespace {

int make_eventfd() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

timeval to_timeval(std::chrono::milliseconds time) {
  return {static_cast<time_t>(time.count() / 1000), static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

void append_bulk(std::string& out, std::string_view text) {
  out.append(1, '$').append(std::to_string(text.size())).append("\r\n").append(text).append("\r\n");
}

}  // namespace

std::string_view text_of(const redisReply* reply) {
  if (reply == nullptr) return {};
  if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
      reply->type == REDIS_REPLY_ERROR) {
    return {reply->str, reply->len};
  }
  return {};
}

Connection::Connection(ConnectionOptions options) : options_(options), wake_(make_eventfd()) {}

Connection::~Connection() {
  close();
  ::close(wake_);
}

void Connection::close() {
  context_.reset();
  out_.clear();
  sent_ = 0;
  reply_read_ = 0;
}

std::optional<Error> Connection::open(const Url& url) {
  close();
  const timeval timeout = to_timeval(options_.connect_timeout);
  context_.reset(url.unix_path.empty() ? redisConnectWithTimeout(url.host.c_str(), url.port, timeout)
                                       : redisConnectUnixWithTimeout(url.unix_path.c_str(), timeout));
  if (!context_) return Error{ErrorClass::kConnection, "out of memory"};
  if (context_->err != 0) {
    Error error{ErrorClass::kConnection, url.shown() + ": " + context_->errstr};
    close();
    return error;
  }
  if (context_->connection_type == REDIS_CONN_TCP) redisEnableKeepAlive(context_.get());
  auto error = enter(url);
  if (error) close();
  return error;
}

// AUTH, SELECT, and a PING so that LOADING or a missing password show here and not at the first record.
std::optional<Error> Connection::enter(const Url& url) {
  int replies = 1;
  const std::string database = std::to_string(url.database);
  if (!url.password.empty()) {
    if (url.user.empty()) {
      append({"AUTH", url.password});
    } else {
      append({"AUTH", url.user, url.password});
    }
    ++replies;
  }
  if (url.database != 0) {
    append({"SELECT", database});
    ++replies;
  }
  append({"PING"});
  std::optional<Error> first;
  for (; replies > 0; --replies) {
    const Reply reply = receive();
    if (!reply) return first ? first : error_;
    if (reply->type == REDIS_REPLY_ERROR && !first) {
      first = Error{classify(text_of(reply.get())), url.shown() + ": " + std::string(text_of(reply.get()))};
    }
  }
  return first;
}

void Connection::append(std::span<const std::string_view> args) {
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  }
  out_.append(1, '*').append(std::to_string(args.size())).append("\r\n");
  for (const std::string_view arg : args) append_bulk(out_, arg);
}

Reply Connection::command(std::initializer_list<std::string_view> args) {
  append(args);
  return receive();
}

Reply Connection::receive(std::chrono::milliseconds extra) {
  if (!context_) return nullptr;
  const Deadline deadline = std::chrono::steady_clock::now() + options_.reply_timeout + extra;
  if (!flush(deadline)) return nullptr;
  reply_read_ = 0;
  for (;;) {
    void* reply = nullptr;
    if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK) {
      return lose(ErrorClass::kConnection, std::string("broken reply: ") + context_->reader->errstr);
    }
    if (reply != nullptr) return Reply(static_cast<redisReply*>(reply));
    if (!read_some(deadline)) return nullptr;
  }
}

bool Connection::flush(Deadline deadline) {
  while (sent_ < out_.size()) {
    const ssize_t n =
        send(context_->fd, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      sent_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait(POLLOUT, deadline)) return false;
    } else if (errno != EINTR) {
      lose(ErrorClass::kConnection, std::string("send: ") + std::strerror(errno));
      return false;
    }
  }
  out_.clear();
  sent_ = 0;
  return true;
}

bool Connection::read_some(Deadline deadline) {
  char buffer[16384];
  for (;;) {
    const ssize_t n = recv(context_->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0) {
      reply_read_ += static_cast<std::size_t>(n);
      if (reply_read_ > options_.reply_bytes) {
        lose(ErrorClass::kOther, "a reply is longer than " + std::to_string(options_.reply_bytes) + " bytes");
        return false;
      }
      redisReaderFeed(context_->reader, buffer, static_cast<std::size_t>(n));
      return true;
    }
    if (n == 0) {
      lose(ErrorClass::kConnection, "Redis closed the connection");
      return false;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait(POLLIN, deadline)) return false;
    } else if (errno != EINTR) {
      lose(ErrorClass::kConnection, std::string("receive: ") + std::strerror(errno));
      return false;
    }
  }
}

bool Connection::wait(short events, Deadline deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd fds[2] = {{context_->fd, events, 0}, {wake_, POLLIN, 0}};
    const int n = poll(fds, 2, static_cast<int>(std::max<decltype(left)>(left, 0)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return lose(ErrorClass::kConnection, std::string("poll: ") + std::strerror(errno)) != nullptr;
    if (fds[1].revents != 0) return lose(ErrorClass::kConnection, "stopped") != nullptr;
    if (n == 0) return lose(ErrorClass::kTimeout, "no reply in time") != nullptr;
    return true;
  }
}

std::nullptr_t Connection::lose(ErrorClass error, std::string text) {
  error_ = {error, std::move(text)};
  close();
  return nullptr;
}

void Connection::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);  // fails only when already set
}

}  // namespace vedette::sinks::redis
