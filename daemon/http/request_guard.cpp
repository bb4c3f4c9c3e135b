#include "daemon/http/request_guard.h"

#include <algorithm>
#include <utility>

#include "daemon/http/address.h"
#include "daemon/http/page_files.h"
#include "daemon/http/secrets.h"

namespace vedette::daemon::http {

namespace {

constexpr std::string_view kCookie = "vedette_session=";
constexpr std::chrono::hours kSessionTime{12};
constexpr std::size_t kMostSessions = 64;

bool is_read(const RequestFacts& facts) {
  return facts.method == "GET" || facts.method == "HEAD";
}

// What tells nothing of the streams.
bool is_public(const RequestFacts& facts) {
  if (facts.path == "/api/session") return is_read(facts) || facts.method == "POST";
  if (!is_read(facts)) return false;
  return facts.path == "/livez" || facts.path == "/readyz" ||
         std::ranges::any_of(page_files(), [&](const PageFile& file) { return file.path == facts.path; });
}

// The name in "name:port", "[::1]:port".
std::string name_of(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

std::string_view session_of(const RequestFacts& facts) {
  const std::size_t at = facts.cookie.find(kCookie);
  if (at == std::string::npos || (at > 0 && facts.cookie[at - 1] != ' ' && facts.cookie[at - 1] != ';'))
    return {};
  const std::string_view rest = std::string_view(facts.cookie).substr(at + kCookie.size());
  return rest.substr(0, rest.find(';'));
}

// A browser says where a request comes from; other programs say nothing.
bool is_foreign(const RequestFacts& facts) {
  const bool read = is_read(facts);
  if (!facts.fetch_site.empty()) {
    // "none": the address was typed, or a bookmark.
    return facts.fetch_site != "same-origin" && !(read && (facts.fetch_site == "none" || is_public(facts)));
  }
  if (read || facts.origin.empty()) return false;
  return facts.origin != "http://" + facts.host && facts.origin != "https://" + facts.host;
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return "none";
    case Verdict::kWrongHost: return "host";
    case Verdict::kForeign: return "foreign";
    case Verdict::kNotJson: return "not_json";
    case Verdict::kNoToken: return "token";
  }
  return "none";
}

RequestGuard::RequestGuard(std::string token, std::function<Clock::time_point()> now)
    : token_(std::move(token)), now_(std::move(now)) {}

Verdict RequestGuard::check(const RequestFacts& facts) const {
  // With a token another name is no danger: a page that comes under it has no session of ours.
  if (token_.empty() && !facts.host.empty() && !is_loopback(name_of(facts.host))) return Verdict::kWrongHost;
  if (is_foreign(facts)) return Verdict::kForeign;
  if (facts.method == "POST" && !facts.content_type.starts_with("application/json")) return Verdict::kNotJson;
  return is_public(facts) || trusted(facts) ? Verdict::kPass : Verdict::kNoToken;
}

bool RequestGuard::trusted(const RequestFacts& facts) const {
  if (token_.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  if (facts.authorization.size() > kBearer.size() && facts.authorization.starts_with(kBearer))
    return is_token(std::string_view(facts.authorization).substr(kBearer.size()));
  const std::string_view word = session_of(facts);
  if (word.empty()) return false;
  const std::lock_guard lock(mutex_);
  bool known = false;
  for (const Session& session : sessions_) {
    if (equal_secrets(session.word, word) && now_() < session.ends) known = true;
  }
  return known;
}

bool RequestGuard::is_token(std::string_view word) const {
  return !token_.empty() && equal_secrets(token_, word);
}

std::string RequestGuard::open_session() {
  std::string word = random_word(32);
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [now = now_()](const Session& session) { return session.ends <= now; });
  if (sessions_.size() >= kMostSessions) sessions_.erase(sessions_.begin());  // the oldest
  sessions_.push_back({word, now_() + kSessionTime});
  return std::string(kCookie) + word + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
         std::to_string(std::chrono::seconds(kSessionTime).count());
}

std::string RequestGuard::close_session(const RequestFacts& facts) {
  const std::string_view word = session_of(facts);
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const Session& session) { return equal_secrets(session.word, word); });
  return std::string(kCookie) + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
}

}  // namespace vedette::daemon::http
