#include "daemon/http/request_guard.h"

#include <gmock/gmock.h>

#include <set>

#include "daemon/http/secrets.h"

namespace vedette::daemon::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::string kToken = "0123456789abcdef0123456789abcdef";

RequestFacts get(const std::string& path) {
  RequestFacts facts;
  facts.method = "GET";
  facts.path = path;
  facts.host = "127.0.0.1:9464";
  return facts;
}

RequestFacts post(const std::string& path) {
  RequestFacts facts = get(path);
  facts.method = "POST";
  facts.content_type = "application/json";
  return facts;
}

TEST(RequestGuard, WithoutATokenServesLoopbackNamesOnly) {
  const RequestGuard guard("");
  for (const char* host : {"127.0.0.1:9464", "127.0.0.1", "localhost:80", "[::1]:9464", "127.9.9.9:1", ""}) {
    RequestFacts facts = get("/api/streams");
    facts.host = host;
    EXPECT_EQ(guard.check(facts), Verdict::kPass) << host;
  }
  for (const char* host :
       {"evil.example:9464", "10.0.0.7", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]"}) {
    RequestFacts facts = get("/api/streams");
    facts.host = host;
    EXPECT_EQ(guard.check(facts), Verdict::kWrongHost) << host;
    facts.path = "/";
    EXPECT_EQ(guard.check(facts), Verdict::kWrongHost) << host;
  }
}

TEST(RequestGuard, RefusesWhatPagesOfOtherSitesSend) {
  const RequestGuard guard("");
  const auto with = [&](RequestFacts facts, const std::string& site, const std::string& origin) {
    facts.fetch_site = site;
    facts.origin = origin;
    return guard.check(facts);
  };
  const RequestFacts question = post("/api/questions");
  EXPECT_EQ(with(question, "same-origin", "http://127.0.0.1:9464"), Verdict::kPass);
  EXPECT_EQ(with(question, "", "http://127.0.0.1:9464"), Verdict::kPass);
  EXPECT_EQ(with(question, "", ""), Verdict::kPass) << "no browser";
  EXPECT_EQ(with(question, "cross-site", ""), Verdict::kForeign);
  EXPECT_EQ(with(question, "same-site", "http://127.0.0.1:9464"), Verdict::kForeign) << "another port";
  EXPECT_EQ(with(question, "none", ""), Verdict::kForeign);
  EXPECT_EQ(with(question, "", "http://evil.example"), Verdict::kForeign);
  EXPECT_EQ(with(question, "", "null"), Verdict::kForeign);
  EXPECT_EQ(with(question, "", "http://127.0.0.1:8080"), Verdict::kForeign);
  EXPECT_EQ(with(get("/api/events"), "cross-site", ""), Verdict::kForeign) << "it would take a place";
  EXPECT_EQ(with(get("/streams/gate/latest.jpg"), "cross-site", ""), Verdict::kForeign);
  EXPECT_EQ(with(get("/metrics"), "none", ""), Verdict::kPass) << "typed by hand";
  EXPECT_EQ(with(get("/"), "cross-site", ""), Verdict::kPass) << "a link to the page";
  RequestFacts form = question;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded"}) {
    form.content_type = type;
    EXPECT_EQ(guard.check(form), Verdict::kNotJson) << type;
  }
}

TEST(RequestGuard, WithATokenServesThoseWhoCarryIt) {
  const RequestGuard guard(kToken);
  RequestFacts facts = get("/metrics");
  facts.host = "vedette.example";
  EXPECT_EQ(guard.check(facts), Verdict::kNoToken);
  for (const std::string& value :
       {"Bearer " + kToken.substr(1), "Bearer " + kToken + "0", std::string("Bearer "), std::string("Bearer"),
        "Basic " + kToken, kToken, std::string("Bearer 0123456789abcdef0123456789abcdeF")}) {
    facts.authorization = value;
    EXPECT_EQ(guard.check(facts), Verdict::kNoToken) << value;
  }
  facts.authorization = "Bearer " + kToken;
  EXPECT_EQ(guard.check(facts), Verdict::kPass);
  for (const char* path : {"/", "/page.css", "/page.js", "/icon.svg", "/livez", "/readyz", "/api/session"})
    EXPECT_EQ(guard.check(get(path)), Verdict::kPass) << path;
  for (const char* path : {"/metrics", "/api/streams", "/api/events", "/streams/gate/latest.jpg",
                           "/evidence/gate/1.jpg", "/api/questions/q-0", "/nothing", "//", "/page.js/"})
    EXPECT_EQ(guard.check(get(path)), Verdict::kNoToken) << path;
  EXPECT_EQ(guard.check(post("/api/session")), Verdict::kPass);
  EXPECT_EQ(guard.check(post("/api/questions")), Verdict::kNoToken);
}

TEST(RequestGuard, ASessionStandsForTheTokenUntilItEnds) {
  RequestGuard::Clock::time_point now{};
  RequestGuard guard(kToken, [&] { return now; });
  const std::string set = guard.open_session();
  EXPECT_THAT(set, HasSubstr("; Path=/; HttpOnly; SameSite=Strict"));
  RequestFacts facts = get("/api/streams");
  facts.cookie = "theme=dark; " + set.substr(0, set.find(';')) + "; more=1";
  EXPECT_EQ(guard.check(facts), Verdict::kPass);
  RequestFacts other = facts;
  other.cookie = "vedette_session=" + std::string(64, '0');
  EXPECT_EQ(guard.check(other), Verdict::kNoToken);
  other.cookie = "x" + set.substr(0, set.find(';'));
  EXPECT_EQ(guard.check(other), Verdict::kNoToken);
  other.cookie = "vedette_session=";
  EXPECT_EQ(guard.check(other), Verdict::kNoToken);
  now += 13h;
  EXPECT_EQ(guard.check(facts), Verdict::kNoToken) << "it has ended";

  const std::string again = guard.open_session();
  facts.cookie = again.substr(0, again.find(';'));
  EXPECT_EQ(guard.check(facts), Verdict::kPass);
  EXPECT_THAT(guard.close_session(facts), HasSubstr("Max-Age=0"));
  EXPECT_EQ(guard.check(facts), Verdict::kNoToken) << "it was closed";
}

TEST(RequestGuard, KeepsABoundedNumberOfSessions) {
  RequestGuard guard(kToken);
  const std::string first = guard.open_session();
  for (int i = 0; i < 64; ++i) guard.open_session();
  RequestFacts facts = get("/api/streams");
  facts.cookie = first.substr(0, first.find(';'));
  EXPECT_EQ(guard.check(facts), Verdict::kNoToken);
}

TEST(Secrets, AreDrawnAndCompared) {
  std::set<std::string> drawn;
  for (int i = 0; i < 100; ++i) drawn.insert(random_word(16));
  EXPECT_EQ(drawn.size(), 100U);
  EXPECT_EQ(drawn.begin()->size(), 32U);
  EXPECT_TRUE(equal_secrets("abc", "abc"));
  EXPECT_TRUE(equal_secrets("", ""));
  EXPECT_FALSE(equal_secrets("abc", "abd"));
  EXPECT_FALSE(equal_secrets("abc", "ab"));
  EXPECT_FALSE(equal_secrets("Xbc", "abc"));
}

}  // namespace
}  // namespace vedette::daemon::http
