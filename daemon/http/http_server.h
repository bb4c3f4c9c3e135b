#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vedette::daemon::http {

struct HttpOptions {
  std::string host = "127.0.0.1";  // a loopback address: there is no authentication
  int port = 9464;                 // 0: any free one, see HttpServer::port
};

// The newest picture of a stream.
struct LatestPicture {
  bool known = false;                       // there is such a stream
  std::shared_ptr<const std::string> jpeg;  // null: it has shown nothing yet
};

// What the pages show. Called from the server's threads.
struct HttpPages {
  std::function<std::string()> metrics;                 // /metrics, Prometheus' text format
  std::function<std::vector<std::string>()> not_ready;  // /readyz: why we are not ready; empty when we are
  std::function<LatestPicture(const std::string& stream)> picture;  // /streams/{id}/latest.jpg
};

// Serves /livez, /readyz, /metrics and /streams/{id}/latest.jpg on loopback. A fixed number of threads;
// requests of a few KiB; slow clients are let go; while all threads are busy new connections wait in the
// kernel. Thread-safe.
class HttpServer {
 public:
  // Listens at once. Throws: std::invalid_argument when the host is no loopback address, std::runtime_error
  // when the port cannot be had.
  HttpServer(const HttpOptions& options, HttpPages pages);
  ~HttpServer();

  int port() const;

 private:
  class Inside;
  const std::unique_ptr<Inside> inside_;
};

// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback(const std::string& host);

}  // namespace vedette::daemon::http
