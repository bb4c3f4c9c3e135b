#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/http/http_server.h"
#include "daemon/http/live_board.h"
#include "daemon/http/question_desk.h"
#include "daemon/metrics/metrics.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon {

// What the page shows, and who is asked for it. All must outlive the Web.
struct WebParts {
  http::EventLog& events;
  const http::LiveBoard& board;
  metrics::Metrics& metrics;
  const ledger::Ledger& ledger;
  sinks::QuestionHandler ask;
  std::function<std::vector<std::string>()> not_ready;
  std::function<std::vector<std::string>()> streams;  // ids of those that are configured now
  std::function<std::shared_ptr<narration::StreamNarration>(const std::string& stream)> find;
};

// The HTTP server with all that it serves of this process.
class Web {
 public:
  // Listens at once. Throws: as HttpServer.
  Web(const settings::Settings& settings, const WebParts& parts);

 private:
  http::QuestionDesk desk_;
  http::HttpServer server_;
};

}  // namespace vedette::daemon
