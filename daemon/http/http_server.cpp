#include "daemon/http/http_server.h"

#include <httplib.h>

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/log.h"
#include "daemon/http/address.h"
#include "daemon/http/bounded_server.h"
#include "daemon/http/request_guard.h"
#include "daemon/http/routes.h"

namespace vedette::daemon::http {

namespace {

using httplib::Request;
using httplib::Response;

// No script or style but our own files, nothing from elsewhere, in nobody's frame. blob: pictures that the
// page's own script has read.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const char* what_to_say(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return "";
    case Verdict::kWrongHost:
      return "the Host of the request is no loopback name; without a token no other is served";
    case Verdict::kForeign: return "the request comes from a page of another site";
    case Verdict::kNotJson: return "expected Content-Type: application/json";
    case Verdict::kNoToken: return "expected Authorization: Bearer TOKEN, or a session of the page";
  }
  return "";
}

int status_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return 200;
    case Verdict::kWrongHost: return 421;
    case Verdict::kForeign: return 403;
    case Verdict::kNotJson: return 415;
    case Verdict::kNoToken: return 401;
  }
  return 403;
}

}  // namespace

class HttpServer::Inside {
 public:
  Inside(const HttpOptions& options, HttpPages pages)
      : pages_(std::move(pages)), guard_(options.token), server_(make_bounded_server({})) {
    if (!is_loopback(options.host) && options.token.size() < kLeastTokenBytes) {
      throw std::invalid_argument(
          "http: " + options.host +
          " is no loopback address; others are served with a token only (http.token), of at "
          "least " +
          std::to_string(kLeastTokenBytes) + " bytes");
    }
    guard_requests();
    add_probes(*server_, pages_, guard_);
    add_pictures(*server_, pages_);
    if (pages_.events != nullptr) add_page(*server_, pages_, guard_);
    port_ = options.port == 0 ? server_->bind_to_any_port(options.host) : options.port;
    if (port_ < 0 || (options.port != 0 && !server_->bind_to_port(options.host, options.port))) {
      throw std::runtime_error("http: cannot listen on " + options.host + ":" + std::to_string(options.port) +
                               "; is another program using the port?");
    }
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // stop() needs it
  }
  ~Inside() {
    if (pages_.events != nullptr) pages_.events->close();  // who listens holds a thread
    server_->stop();
    thread_.join();
  }
  int port() const { return port_; }
  HttpStats stats() const {
    const std::lock_guard lock(mutex_);
    HttpStats stats = stats_;
    if (pages_.events != nullptr) stats.events = pages_.events->stats();
    stats.refused["listeners"] = stats.events.refused;
    return stats;
  }

 private:
  void guard_requests() {
    server_->set_default_headers({{"Content-Security-Policy", kPolicy},
                                  {"X-Content-Type-Options", "nosniff"},
                                  {"Referrer-Policy", "no-referrer"},
                                  {"Cross-Origin-Resource-Policy", "same-origin"},
                                  {"Cross-Origin-Opener-Policy", "same-origin"}});
    server_->set_pre_routing_handler([this](const Request& request, Response& response) {
      const Verdict verdict = guard_.check(facts_of(request));
      if (verdict == Verdict::kPass) return httplib::Server::HandlerResponse::Unhandled;
      refuse(verdict, request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_->set_post_routing_handler([this](const Request&, Response& response) {
      if (!response.has_header("Cache-Control")) response.set_header("Cache-Control", "no-store");
      const std::lock_guard lock(mutex_);
      ++stats_.requests[response.status < 400 ? "served" : response.status < 500 ? "refused" : "failed"];
    });
    server_->set_exception_handler(
        [](const Request& request, Response& response, const std::exception_ptr& thrown) {
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

  void refuse(Verdict verdict, const Request& request, Response& response) {
    response.status = status_of(verdict);
    if (verdict == Verdict::kNoToken) response.set_header("WWW-Authenticate", "Bearer realm=\"vedette\"");
    response.set_content(nlohmann::json{{"error", what_to_say(verdict)}}.dump() + "\n", "application/json");
    base::log_limited(base::LogLevel::kWarning, "http", to_string(verdict),
                      "refused a request of " + request.remote_addr + ": " + what_to_say(verdict));
    const std::lock_guard lock(mutex_);
    ++stats_.refused[to_string(verdict)];
  }

  const HttpPages pages_;
  RequestGuard guard_;
  mutable std::mutex mutex_;
  HttpStats stats_{{{"served", 0}, {"refused", 0}, {"failed", 0}},
                   {{"host", 0}, {"foreign", 0}, {"not_json", 0}, {"token", 0}, {"listeners", 0}},
                   {}};
  const std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

HttpServer::HttpServer(const HttpOptions& options, HttpPages pages)
    : inside_(std::make_unique<Inside>(options, std::move(pages))) {}
HttpServer::~HttpServer() = default;
int HttpServer::port() const {
  return inside_->port();
}
HttpStats HttpServer::stats() const {
  return inside_->stats();
}

}  // namespace vedette::daemon::http
