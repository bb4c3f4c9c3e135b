#include "daemon/http/routes.h"

#include <httplib.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/build_id.h"
#include "base/time.h"
#include "daemon/http/live_board.h"
#include "daemon/http/page_files.h"
#include "daemon/http/question_desk.h"

namespace vedette::daemon::http {

namespace {

using httplib::Request;
using httplib::Response;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kPulse{5'000};  // how often those who listen are told how all streams are
constexpr milliseconds kLook{250};     // how often it is looked whether they are still there

void answer(Response& response, int status, const json& body) {
  response.status = status;
  response.set_content(to_line(body) + "\n", "application/json");
}

// FNV-1a (Fowler, Noll, Vo): tells pictures apart for caches, and nothing more.
std::string etag_of(const std::string& bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  char digits[17];
  const auto end = std::to_chars(digits, digits + 16, hash, 16).ptr;
  return '"' + std::string(digits, end) + '"';
}

// With the bytes, or 304 for a client that has them.
void send_file(const Request& request, Response& response, std::string_view bytes, std::string_view type,
               std::string_view etag, const char* cache) {
  response.set_header("ETag", std::string(etag));
  response.set_header("Cache-Control", cache);
  if (request.get_header_value("If-None-Match") == etag) {
    response.status = 304;
    return;
  }
  response.set_content(bytes.data(), bytes.size(), std::string(type));
}

json coverage_of(const ledger::Ledger::Account& account) {
  json seconds = json::object();
  for (std::size_t i = 0; i < ledger::kCoverageStates; ++i) {
    if (account.spent[i].count() <= 0) continue;
    const auto tenths =
        std::chrono::duration_cast<std::chrono::duration<std::int64_t, std::deci>>(account.spent[i]);
    seconds[to_string(static_cast<ledger::Coverage>(i))] = static_cast<double>(tenths.count()) / 10.0;
  }
  return {{"now", to_string(account.state)}, {"seconds", std::move(seconds)}};
}

// How everything is. With `records`: what is known of each stream besides.
json overview(const HttpPages& pages, bool records) {
  if (pages.questions != nullptr) pages.questions->expire();  // those who listen are told, too
  const std::vector<std::string> reasons = pages.not_ready ? pages.not_ready() : std::vector<std::string>{};
  json all = {{"now_ms", base::utc_now_ms()},
              {"version", base::build_id()},
              {"ready", reasons.empty()},
              {"reasons", reasons}};
  std::map<std::string, json> coverage;
  if (pages.coverage) {
    for (const auto& account : pages.coverage()) {
      if (account.open) coverage[account.stream][to_string(account.modality)] = coverage_of(account);
    }
  }
  json& streams = all["streams"] = json::array();
  for (const std::string& id : pages.streams ? pages.streams() : std::vector<std::string>{}) {
    json stream = pages.board->show(id, records);
    stream["picture"] = pages.has_picture && pages.has_picture(id);
    stream["coverage"] = coverage.contains(id) ? std::move(coverage[id]) : json::object();
    streams.push_back(std::move(stream));
  }
  return all;
}

std::string event(const char* kind, const json& data) {
  return "event: " + std::string(kind) + "\ndata: " + to_line(data) + "\n\n";
}

// What one listener is told: everything at first and when it missed something, then what is new, and every
// few seconds how all streams are.
class Telling {
 public:
  Telling(const HttpPages& pages, std::unique_ptr<EventLog::Listener> listener, bool resumed)
      : pages_(pages), listener_(std::move(listener)), whole_(!resumed) {}

  bool operator()(httplib::DataSink& sink) {
    std::string text;
    if (first_) text = "retry: 2000\n\n";
    first_ = false;
    while (text.empty() || whole_) {
      if (whole_ || std::chrono::steady_clock::now() >= pulse_due_) {
        text += event(whole_ ? "snapshot" : "pulse", overview(pages_, whole_));
        whole_ = false;
        pulse_due_ = std::chrono::steady_clock::now() + kPulse;
        break;
      }
      const auto outcome = listener_->next(kLook, text);
      if (outcome == EventLog::Listener::Outcome::kClosed || !sink.is_writable()) return false;
      whole_ = outcome == EventLog::Listener::Outcome::kLost;
    }
    return sink.write(text.data(), text.size());
  }

 private:
  const HttpPages& pages_;
  const std::unique_ptr<EventLog::Listener> listener_;
  bool first_ = true, whole_;
  std::chrono::steady_clock::time_point pulse_due_ = std::chrono::steady_clock::now() + kPulse;
};

void tell(const HttpPages& pages, const Request& request, Response& response) {
  bool resumed = false;
  auto listener = pages.events->listen(request.get_header_value("Last-Event-ID"), resumed);
  if (listener == nullptr) {
    response.set_header("Retry-After", "5");
    return answer(response, 503, {{"error", "too many listen already; /api/streams can be read instead"}});
  }
  response.set_header("X-Accel-Buffering", "no");  // a proxy (nginx) must not wait for more
  auto telling = std::make_shared<Telling>(pages, std::move(listener), resumed);
  response.set_chunked_content_provider(
      "text/event-stream", [telling](std::size_t, httplib::DataSink& sink) { return (*telling)(sink); });
}

void add_session(httplib::Server& server, RequestGuard& guard) {
  server.Get("/api/session", [&guard](const Request& request, Response& response) {
    answer(response, 200, {{"needed", guard.has_token()}, {"open", guard.trusted(facts_of(request))}});
  });
  server.Post("/api/session", [&guard](const Request& request, Response& response) {
    const json body = json::parse(request.body, nullptr, /*allow_exceptions=*/false);
    const bool has_word = body.is_object() && body.contains("token") && body["token"].is_string();
    if (!guard.has_token())
      return answer(response, 404, {{"error", "no token is configured: none is needed"}});
    if (!has_word) return answer(response, 400, {{"error", "expected {\"token\": \"...\"}"}});
    if (!guard.is_token(body["token"].get<std::string>()))
      return answer(response, 401, {{"error", "this is not the token"}});
    response.set_header("Set-Cookie", guard.open_session());
    answer(response, 200, {{"ok", true}});
  });
  server.Delete("/api/session", [&guard](const Request& request, Response& response) {
    response.set_header("Set-Cookie", guard.close_session(facts_of(request)));
    answer(response, 200, {{"ok", true}});
  });
}

void add_questions(httplib::Server& server, QuestionDesk& desk) {
  server.Post("/api/questions", [&desk](const Request& request, Response& response) {
    const QuestionDesk::Reply reply = desk.ask(request.body, request.remote_addr);
    answer(response, reply.status,
           reply.error.empty() ? json{{"id", reply.id}} : json{{"error", reply.error}});
  });
  server.Get("/api/questions/(q-[0-9a-f]{16})", [&desk](const Request& request, Response& response) {
    const std::string newest = desk.answer(request.matches[1].str());
    if (newest.empty()) return answer(response, 404, {{"error", "there is no such question"}});
    response.set_content(newest + "\n", "application/json");
  });
}

}  // namespace

RequestFacts facts_of(const Request& request) {
  RequestFacts facts;
  facts.method = request.method;
  facts.path = request.path;
  facts.host = request.get_header_value("Host");
  facts.origin = request.get_header_value("Origin");
  facts.fetch_site = request.get_header_value("Sec-Fetch-Site");
  facts.authorization = request.get_header_value("Authorization");
  facts.cookie = request.get_header_value("Cookie");
  facts.content_type = request.get_header_value("Content-Type");
  return facts;
}

void add_probes(httplib::Server& server, const HttpPages& pages, const RequestGuard& guard) {
  server.Get("/livez",
             [](const Request&, Response& response) { response.set_content("ok\n", "text/plain"); });
  server.Get("/readyz", [&](const Request& request, Response& response) {
    const std::vector<std::string> reasons = pages.not_ready();
    json body = {{"ready", reasons.empty()}};
    if (guard.trusted(facts_of(request))) body["reasons"] = reasons;  // they name streams
    answer(response, reasons.empty() ? 200 : 503, body);
  });
  server.Get("/metrics", [&](const Request&, Response& response) {
    response.set_content(pages.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  });
}

void add_pictures(httplib::Server& server, const HttpPages& pages) {
  // The id is looked up among the configured ones, and reaches nothing else.
  server.Get("/streams/([a-z0-9_-]{1,64})/latest\\.jpg", [&](const Request& request, Response& response) {
    const LatestPicture latest = pages.picture ? pages.picture(request.matches[1].str()) : LatestPicture{};
    if (latest.jpeg != nullptr)
      return send_file(request, response, *latest.jpeg, "image/jpeg", etag_of(*latest.jpeg), "no-cache");
    response.status = latest.known ? 503 : 404;
    response.set_content(latest.known ? "no picture yet\n" : "no such stream\n", "text/plain");
  });
  server.Get("/evidence/([a-z0-9_-]{1,64})/([0-9]{1,15})\\.jpg", [&](const Request& request,
                                                                     Response& response) {
    const std::string jpeg =
        pages.evidence ? pages.evidence(request.matches[1].str(), std::stoll(request.matches[2].str())) : "";
    if (!jpeg.empty())  // it never changes
      return send_file(request, response, jpeg, "image/jpeg", etag_of(jpeg),
                       "private, max-age=3600, immutable");
    response.status = 404;
    response.set_content("no such picture (any more)\n", "text/plain");
  });
}

void add_page(httplib::Server& server, const HttpPages& pages, RequestGuard& guard) {
  for (const PageFile& file : page_files()) {
    std::string pattern(file.path);
    if (const auto dot = pattern.find('.'); dot != std::string::npos) pattern.insert(dot, "\\");
    server.Get(pattern, [&file](const Request& request, Response& response) {
      send_file(request, response, file.bytes, file.type, file.etag, "no-cache");
    });
  }
  server.Get("/api/streams",
             [&](const Request&, Response& response) { answer(response, 200, overview(pages, true)); });
  server.Get("/api/events",
             [&](const Request& request, Response& response) { tell(pages, request, response); });
  add_session(server, guard);
  if (pages.questions != nullptr) add_questions(server, *pages.questions);
}

}  // namespace vedette::daemon::http
