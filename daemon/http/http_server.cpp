#include "daemon/http/http_server.h"

#include <arpa/inet.h>
#include <httplib.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/log.h"
#include "daemon/http/bounded_pool.h"

namespace vedette::daemon::http {

namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kWaiting = 16;         // accepted connections without a thread
constexpr std::size_t kPayloadBytes = 4096;  // no page takes a body
constexpr std::time_t kTimeoutSeconds = 5;   // for reading and writing

class Tasks : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> job) override { pool_.add(std::move(job)); }
  void shutdown() override { pool_.shut_down(); }

 private:
  BoundedPool pool_{kThreads, kWaiting};
};

}  // namespace

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

class HttpServer::Inside {
 public:
  Inside(const HttpOptions& options, HttpPages pages) : pages_(std::move(pages)) {
    if (!is_loopback(options.host)) {
      throw std::invalid_argument(
          "http: " + options.host +
          " is no loopback address; only 127.0.0.0/8, ::1 and localhost are served, as there "
          "is no authentication yet");
    }
    limit();
    add_pages();
    port_ = options.port == 0 ? server_.bind_to_any_port(options.host) : options.port;
    if (port_ < 0 || (options.port != 0 && !server_.bind_to_port(options.host, options.port))) {
      throw std::runtime_error("http: cannot listen on " + options.host + ":" + std::to_string(options.port) +
                               "; is another program using the port?");
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // stop() needs it
  }
  ~Inside() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  void limit() {
    server_.new_task_queue = [] { return new Tasks; };  // httplib takes ownership
    server_.set_payload_max_length(kPayloadBytes);
    server_.set_read_timeout(kTimeoutSeconds);
    server_.set_write_timeout(kTimeoutSeconds);
    server_.set_keep_alive_timeout(kTimeoutSeconds);
    server_.set_keep_alive_max_count(100);
    server_.set_tcp_nodelay(true);
    // Not SO_REUSEPORT, httplib's default: with it two daemons would share the port without a word.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
  }

  void add_pages() {
    server_.Get("/livez", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const std::vector<std::string> reasons = pages_.not_ready();
      const nlohmann::json json = {{"ready", reasons.empty()}, {"reasons", reasons}};
      response.status = reasons.empty() ? 200 : 503;
      response.set_content(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
                           "application/json");
    });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(pages_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    // The id is looked up among the configured ones, and reaches nothing else.
    server_.Get("/streams/([a-z0-9_-]{1,64})/latest\\.jpg",
                [this](const httplib::Request& request, httplib::Response& response) {
                  const LatestPicture latest =
                      pages_.picture ? pages_.picture(request.matches[1].str()) : LatestPicture{};
                  if (latest.jpeg != nullptr) {
                    response.set_header("Cache-Control", "no-store");
                    response.set_content(*latest.jpeg, "image/jpeg");
                    return;
                  }
                  response.status = latest.known ? 503 : 404;
                  response.set_content(latest.known ? "no picture yet\n" : "no such stream\n", "text/plain");
                });
    server_.set_exception_handler(
        [](const httplib::Request& request, httplib::Response& response, const std::exception_ptr& thrown) {
          std::string what = "unknown";
          try {
            std::rethrow_exception(thrown);
          } catch (const std::exception& error) {
            what = error.what();
          } catch (...) {
          }
          base::log_limited(base::LogLevel::kError, "http", request.path, request.path + ": " + what);
          response.status = 500;
          response.set_content("internal error\n", "text/plain");
        });
  }

  const HttpPages pages_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

HttpServer::HttpServer(const HttpOptions& options, HttpPages pages)
    : inside_(std::make_unique<Inside>(options, std::move(pages))) {}
HttpServer::~HttpServer() = default;
int HttpServer::port() const {
  return inside_->port();
}

}  // namespace vedette::daemon::http
