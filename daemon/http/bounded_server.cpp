#include "daemon/http/bounded_server.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "daemon/http/bounded_pool.h"

namespace vedette::daemon::http {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Waits until the socket is fit for one of `events`, or the other side is gone.
bool wait_for(int socket, short events, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    pollfd one{socket, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::max<std::int64_t>(0, left)));
    if (ready > 0) return (one.revents & events) != 0;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// One request and its response on a socket.
class BoundedStream : public httplib::Stream {
 public:
  BoundedStream(int socket, const ServerLimits& limits)
      : socket_(socket), limits_(limits), read_until_(Clock::now() + limits.request) {}

  bool is_readable() const override { return wait_for(socket_, POLLIN, read_until_); }
  // False as well when the other side has closed: whoever waits for news has nobody to tell them to.
  bool is_writable() const override {
    pollfd one{socket_, POLLOUT | POLLRDHUP, 0};
    return poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
  }
  ssize_t read(char* bytes, std::size_t size) override {
    if (at_ == buffered_) {
      if (!in_bounds() || !wait_for(socket_, POLLIN, read_until_)) return -1;
      const ssize_t got = recv(socket_, buffer_, sizeof buffer_, 0);
      if (got <= 0) return got;
      at_ = 0;
      buffered_ = static_cast<std::size_t>(got);
    }
    const std::size_t taken = std::min(size, buffered_ - at_);
    std::copy_n(buffer_ + at_, taken, bytes);
    for (std::size_t i = at_; i < at_ + taken; ++i) count(buffer_[i]);
    at_ += taken;
    return in_bounds() ? static_cast<ssize_t>(taken) : -1;
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    const auto until = Clock::now() + limits_.write;
    for (std::size_t done = 0; done < size;) {
      if (!wait_for(socket_, POLLOUT, until)) return -1;
      const ssize_t sent = send(socket_, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return -1;
      if (sent > 0) done += static_cast<std::size_t>(sent);
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { name(getpeername, ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { name(getsockname, ip, port); }
  socket_t socket() const override { return socket_; }
  // Bytes of the next request came with this one.
  bool has_more() const { return at_ < buffered_; }

 private:
  void count(char c) {
    ++(in_body_ ? body_bytes_ : header_bytes_);
    if (in_body_ || c == '\r') return;
    if (c != '\n') {
      ++line_bytes_;
      return;
    }
    in_body_ = line_bytes_ == 0;  // an empty line ends the header
    line_bytes_ = 0;
  }
  bool in_bounds() const {
    return header_bytes_ <= limits_.header_bytes && body_bytes_ <= limits_.skipped_bytes + limits_.body_bytes;
  }
  void name(int (*of)(int, sockaddr*, socklen_t*), std::string& ip, int& port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (of(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
    char host[NI_MAXHOST], service[NI_MAXSERV];
    if (getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      return;
    ip = host;
    port = std::atoi(service);
  }

  const int socket_;
  const ServerLimits& limits_;
  const Clock::time_point read_until_;
  char buffer_[4096];
  std::size_t at_ = 0, buffered_ = 0;
  std::size_t header_bytes_ = 0, body_bytes_ = 0, line_bytes_ = 0;
  bool in_body_ = false;
};

class Tasks : public httplib::TaskQueue {
 public:
  explicit Tasks(BoundedPool& pool) : pool_(pool) {}
  void enqueue(std::function<void()> job) override { pool_.add(std::move(job)); }
  void shutdown() override { pool_.shut_down(); }

 private:
  BoundedPool& pool_;
};

class BoundedServer final : public httplib::Server {
 public:
  explicit BoundedServer(const ServerLimits& limits)
      : limits_(limits), pool_(limits.threads, limits.waiting) {
    new_task_queue = [this] { return new Tasks(pool_); };  // httplib takes ownership
    set_payload_max_length(limits.body_bytes);
    set_tcp_nodelay(true);
    // Not SO_REUSEPORT, httplib's default: with it two daemons would share the port without a word.
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    bool last = false, unread = false;
    for (std::size_t served = 1; !last && next_comes(socket, served == 1); ++served) {
      last = served == limits_.requests;
      BoundedStream stream(socket, limits_);
      bool closed = false;
      const bool fine = process_request(stream, last, closed, [&](httplib::Request& request) {
        request.ranges.clear();
        const bool plain = (request.method == "GET" || request.method == "HEAD") &&
                           !request.has_header("Content-Length") && !request.has_header("Transfer-Encoding");
        if (plain) return;
        last = unread = true;
        request.headers.erase("Connection");
        request.set_header("Connection", "close");
      });
      unread = unread || !fine || stream.has_more();
      last = last || closed || unread;
    }
    shutdown(socket, SHUT_WR);
    if (unread) read_off(socket);
    close(socket);
    return true;
  }

  // What was sent and not read would make the kernel throw away our answer at the other side (RFC 9112, 9.6).
  void read_off(int socket) const {
    char buffer[4096];
    std::size_t bytes = 0;
    for (const auto until = Clock::now() + milliseconds(500); bytes < limits_.skipped_bytes;) {
      const ssize_t got = wait_for(socket, POLLIN, until) ? recv(socket, buffer, sizeof buffer, 0) : 0;
      if (got <= 0) return;
      bytes += static_cast<std::size_t>(got);
    }
  }

  // Waits for a request. Between two it gives way to connections that have no thread.
  bool next_comes(int socket, bool first) const {
    const auto until = Clock::now() + limits_.idle;
    while (svr_sock_ != INVALID_SOCKET) {  // until stop()
      if (wait_for(socket, POLLIN, std::min(until, Clock::now() + milliseconds(50)))) return true;
      if (Clock::now() >= until || (!first && pool_.crowded())) return false;
      pollfd one{socket, POLLIN | POLLRDHUP, 0};
      if (poll(&one, 1, 0) > 0 && (one.revents & POLLIN) == 0) return false;
    }
    return false;
  }

  const ServerLimits limits_;
  BoundedPool pool_;
};

}  // namespace

std::unique_ptr<httplib::Server> make_bounded_server(const ServerLimits& limits) {
  return std::make_unique<BoundedServer>(limits);
}

}  // namespace vedette::daemon::http
