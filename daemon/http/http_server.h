#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/http/event_log.h"
#include "daemon/ledger/ledger.h"

namespace vedette::daemon::metrics {
class Scrape;
}

namespace vedette::daemon::http {

class LiveBoard;
class QuestionDesk;

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 9464;      // 0: any free one, see HttpServer::port
  std::string token{};  // what clients must carry; "": nothing, and then only loopback addresses are served
};

// The newest picture of a stream.
struct LatestPicture {
  bool known = false;                       // there is such a stream
  std::shared_ptr<const std::string> jpeg;  // null: it has shown nothing yet
};

// What the pages show, called from the server's threads. `metrics` and `not_ready` are needed; of the rest,
// what is null is not served.
struct HttpPages {
  std::function<std::string()> metrics{};                 // /metrics, Prometheus' text format
  std::function<std::vector<std::string>()> not_ready{};  // /readyz: why we are not ready; empty when we are
  std::function<LatestPicture(const std::string& stream)> picture{};  // /streams/{id}/latest.jpg
  std::function<bool(const std::string& stream)> has_picture{};  // whether there is one, without making it
  std::function<std::vector<std::string>()> streams{};  // ids of the configured streams, in their order
  std::function<std::vector<ledger::Ledger::Account>()> coverage{};
  // /evidence/{id}/{ms}.jpg: a picture that a record rests on; "" when it is not there.
  std::function<std::string(const std::string& stream, std::int64_t written_ms)> evidence{};
  // These must outlive the server. Without events there are neither page nor /api.
  EventLog* events = nullptr;
  const LiveBoard* board = nullptr;
  QuestionDesk* questions = nullptr;
};

struct HttpStats {
  std::map<std::string, std::uint64_t> requests;  // "served", "refused", "failed"
  std::map<std::string, std::uint64_t>
      refused;  // by reason: "host", "foreign", "not_json", "token", "listeners"
  EventStats events;
};
void write(metrics::Scrape& scrape, const HttpStats& stats);

// Serves the page and its API (docs/http.md), /livez, /readyz, /metrics and pictures. A fixed number of
// threads, of which those who listen to events can only have some; requests of a few KiB that come in a few
// seconds; slow clients are let go; while all threads are busy new connections wait in the kernel.
// Thread-safe.
class HttpServer {
 public:
  // Listens at once. Throws: std::invalid_argument when the host is no loopback address and there is no
  // token, std::runtime_error when the port cannot be had.
  HttpServer(const HttpOptions& options, HttpPages pages);
  ~HttpServer();

  int port() const;
  HttpStats stats() const;

 private:
  class Inside;
  const std::unique_ptr<Inside> inside_;
};

}  // namespace vedette::daemon::http
