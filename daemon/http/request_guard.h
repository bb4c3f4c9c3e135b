#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::daemon::http {

constexpr std::size_t kLeastTokenBytes = 16;  // below that a token could be guessed

// What decides whether a request is served.
struct RequestFacts {
  std::string method, path;
  // Values of these headers, "" where there is none.
  std::string host, origin, fetch_site, authorization, cookie, content_type;
};

enum class Verdict : std::uint8_t {
  kPass,
  kWrongHost,  // 421: another name than ours leads here (DNS rebinding)
  kForeign,    // 403: a page of another site sent it
  kNotJson,    // 415: what changes something must come as JSON, which no form of another site can send
  kNoToken     // 401
};
const char* to_string(Verdict verdict);  // as the label `reason` of vedette_http_refused_total

// Decides who is served. Without a token: whoever reaches a loopback address under a loopback name, from our
// own page or no page. With one: who carries it, or a session that was opened with it; the page's own files
// and /livez and /readyz are for everybody. Thread-safe.
class RequestGuard {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RequestGuard(std::string token, std::function<Clock::time_point()> now = Clock::now);

  Verdict check(const RequestFacts& facts) const;
  // Whether the request may see everything.
  bool trusted(const RequestFacts& facts) const;

  bool has_token() const { return !token_.empty(); }
  bool is_token(std::string_view word) const;
  // A new session: the value for the Set-Cookie header. A bounded number lives at a time, each 12 hours.
  std::string open_session();
  // Ends the request's session; the value for the Set-Cookie header that forgets it.
  std::string close_session(const RequestFacts& facts);

 private:
  struct Session {
    std::string word;
    Clock::time_point ends;
  };

  const std::string token_;
  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::vector<Session> sessions_;
};

}  // namespace vedette::daemon::http
