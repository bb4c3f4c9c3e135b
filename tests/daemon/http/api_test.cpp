// The page and its API, asked by a real client.
#include <gmock/gmock.h>
#include <httplib.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "daemon/http/http_server.h"
#include "daemon/http/live_board.h"
#include "daemon/http/page_files.h"
#include "daemon/http/question_desk.h"
#include "tests/support/recording_publisher.h"

namespace vedette::daemon::http {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

// Reads /api/events on a thread of its own until it is told to stop.
class Listening {
 public:
  explicit Listening(int port, const httplib::Headers& headers = {}) : client_("127.0.0.1", port) {
    client_.set_read_timeout(60);
    thread_ = std::thread([this, headers] {
      client_.Get(
          "/api/events", headers,
          [this](const httplib::Response& response) {
            status_ = response.status;
            return true;
          },
          [this](const char* bytes, std::size_t size) {
            const std::lock_guard lock(mutex_);
            text_.append(bytes, size);
            return true;
          });
      ended_ = true;
    });
  }
  ~Listening() {
    client_.stop();
    thread_.join();
  }
  int status() const {
    while (status_ == 0) std::this_thread::sleep_for(1ms);
    return status_;
  }
  bool ended() const { return ended_; }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  // Waits until the text has this in it.
  bool hears(const std::string& what) const {
    for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
      if (text().find(what) != std::string::npos) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
  std::atomic<int> status_{0};
  std::atomic<bool> ended_{false};
  httplib::Client client_;
  std::thread thread_;
};

struct ApiTest : ::testing::Test {
  tests::RecordingPublisher next;
  EventLog events{{.listeners = 3}};
  LiveBoard board{next, events, [] { return std::int64_t{5000}; }};
  std::atomic<bool> answering{true};
  QuestionDesk desk{events, [this](const sinks::Question& question, const sinks::AnswerCallback& callback) {
                      sinks::Answer answer;
                      answer.text = "Yes: " + question.text;
                      answer.state = answering ? sinks::AnswerState::kFinal : sinks::AnswerState::kPartial;
                      callback(std::move(answer));
                    }};
  std::optional<HttpServer> server;
  std::optional<httplib::Client> client;

  void start(const std::string& token = "") {
    HttpPages pages;
    pages.metrics = [] { return std::string("a_total 1\n"); };
    pages.not_ready = [] { return std::vector<std::string>{"redis: away"}; };
    pages.picture = [](const std::string&) {
      return LatestPicture{true, std::make_shared<std::string>("jpeg")};
    };
    pages.evidence = [](const std::string& stream, std::int64_t ms) {
      return ms == 17 ? "picture of " + stream : "";
    };
    pages.streams = [] { return std::vector<std::string>{"yard", "gate"}; };
    pages.coverage = [] {
      ledger::Ledger::Account account;
      account.stream = "gate";
      account.state = ledger::Coverage::kGated;
      account.spent[static_cast<std::size_t>(ledger::Coverage::kAnalysed)] = 12'340ms;
      return std::vector<ledger::Ledger::Account>{account};
    };
    pages.events = &events;
    pages.board = &board;
    pages.questions = &desk;
    server.emplace(HttpOptions{"127.0.0.1", 0, token}, pages);
    client.emplace("127.0.0.1", server->port());
    client->set_read_timeout(60);
  }
  void publish(const std::string& text) {
    sinks::Record record;
    record.id = "gate-1-" + std::to_string(next.records().size());
    record.stream = "gate";
    record.kind = sinks::Kind::kCaption;
    record.text = text;
    board.publish(record);
  }
};

TEST_F(ApiTest, ThePageIsBuiltInWholeAndComesWithStrictHeaders) {
  start();
  ASSERT_GE(page_files().size(), 4U);
  for (const PageFile& file : page_files()) {
    const auto reply = client->Get(std::string(file.path));
    EXPECT_EQ(reply->status, 200) << file.path;
    EXPECT_EQ(reply->body, file.bytes) << file.path;
    EXPECT_EQ(reply->get_header_value("Content-Type"), file.type);
    EXPECT_EQ(reply->get_header_value("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply->get_header_value("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(reply->get_header_value("Cache-Control"), "no-cache");
    const std::string policy = reply->get_header_value("Content-Security-Policy");
    EXPECT_THAT(policy, StartsWith("default-src 'none'; script-src 'self'; style-src 'self'"));
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    const auto again =
        client->Get(std::string(file.path), {{"If-None-Match", reply->get_header_value("ETag")}});
    EXPECT_EQ(again->status, 304) << file.path;
    EXPECT_EQ(again->body, "");
  }
  EXPECT_THAT(client->Get("/")->body, StartsWith("<!doctype html>"));
}

TEST_F(ApiTest, StreamsComeInTheirOrderWithWhatIsKnown) {
  start();
  sinks::StateUpdate update;
  update.stream = "gate";
  update.state = "running";
  update.reason = "no_audio";
  board.publish_state(update);
  publish("</script><img src=x onerror=alert(1)>");
  const auto reply = client->Get("/api/streams");
  EXPECT_EQ(reply->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(reply->get_header_value("Cache-Control"), "no-store");
  const json all = json::parse(reply->body);
  EXPECT_EQ(all["ready"], false);
  EXPECT_EQ(all["reasons"], json{"redis: away"});
  ASSERT_EQ(all["streams"].size(), 2U);
  EXPECT_EQ(all["streams"][0]["id"], "yard");
  EXPECT_EQ(all["streams"][0]["state"], "starting");
  const json& gate = all["streams"][1];
  EXPECT_EQ(gate["reason"], "no_audio");
  EXPECT_EQ(gate["coverage"], (json{{"audio", {{"now", "gated"}, {"seconds", {{"analysed", 12.3}}}}}}));
  EXPECT_EQ(gate["records"][0]["text"], "</script><img src=x onerror=alert(1)>");
}

TEST_F(ApiTest, EventsBeginWithEverythingAndGoOnAsItComes) {
  start();
  publish("before");
  const Listening listening(server->port());
  ASSERT_TRUE(listening.hears("event: snapshot\ndata: {"));
  EXPECT_TRUE(listening.hears("\"text\":\"before\""));
  publish("after");
  EXPECT_TRUE(listening.hears("event: record\ndata: {"));
  EXPECT_TRUE(listening.hears("\"text\":\"after\""));
  EXPECT_TRUE(listening.hears("event: pulse\ndata: {")) << "a sign of life, and how all streams are";
}

TEST_F(ApiTest, EventsGoOnWhereAClientWas) {
  start();
  std::string last;
  {
    const Listening listening(server->port());
    ASSERT_TRUE(listening.hears("event: snapshot"));
    publish("one");
    ASSERT_TRUE(listening.hears("\"text\":\"one\""));
    const std::string text = listening.text();
    const std::size_t at = text.rfind("id: ") + 4;
    last = text.substr(at, text.find('\n', at) - at);
    publish("two");
  }
  const Listening listening(server->port(), {{"Last-Event-ID", last}});
  ASSERT_TRUE(listening.hears("\"text\":\"two\""));
  EXPECT_EQ(listening.text().find("event: snapshot"), std::string::npos) << "nothing was missed";
}

TEST_F(ApiTest, ThoseWhoListenAreBoundedAndTheRestIsServedStill) {
  start();
  std::vector<std::unique_ptr<Listening>> listening;
  for (int i = 0; i < 3; ++i) {
    listening.push_back(std::make_unique<Listening>(server->port()));
    EXPECT_EQ(listening.back()->status(), 200);
  }
  const auto refused = client->Get("/api/events");
  EXPECT_EQ(refused->status, 503);
  EXPECT_THAT(refused->body, HasSubstr("/api/streams"));
  EXPECT_EQ(client->Get("/livez")->status, 200);
  EXPECT_EQ(client->Get("/metrics")->status, 200);
  EXPECT_EQ(server->stats().events.listeners, 3U);
  EXPECT_EQ(server->stats().refused["listeners"], 1U);
  server.reset();  // must not wait for them
  for (const auto& one : listening) {
    while (!one->ended()) std::this_thread::sleep_for(1ms);
  }
}

TEST_F(ApiTest, APlaceIsFreeAfterAListenerHasGone) {
  start();
  for (int i = 0; i < 5; ++i) {
    {
      const Listening listening(server->port());
      EXPECT_TRUE(listening.hears("event: snapshot"));
    }
    for (const auto end = std::chrono::steady_clock::now() + 60s; events.stats().listeners > 0;) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(5ms);
    }
  }
}

TEST_F(ApiTest, AQuestionIsAnswered) {
  start();
  const auto reply =
      client->Post("/api/questions", "{\"stream\":\"gate\",\"text\":\"Open?\"}", "application/json");
  ASSERT_EQ(reply->status, 202);
  const std::string id = json::parse(reply->body)["id"];
  const json answer = json::parse(client->Get("/api/questions/" + id)->body);
  EXPECT_EQ(answer["state"], "final");
  EXPECT_EQ(answer["text"], "Yes: Open?");
  EXPECT_EQ(client->Get("/api/questions/q-0000000000000000")->status, 404);
  const auto bad = client->Post("/api/questions", "{\"stream\":\"gate\"}", "application/json");
  EXPECT_EQ(bad->status, 400);
  EXPECT_EQ(json::parse(bad->body)["error"], "text is empty");
  EXPECT_EQ(client->Post("/api/questions", std::string(20'000, 'x'), "application/json")->status, 413);
  EXPECT_EQ(client->Post("/api/questions", "stream=gate&text=x", "application/x-www-form-urlencoded")->status,
            415);
  const std::string question = "{\"stream\":\"gate\",\"text\":\"x\"}";
  EXPECT_EQ(client->Post("/api/questions", {{"Origin", "http://evil.example"}}, question, "application/json")
                ->status,
            403);
  answering = false;
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(client->Post("/api/questions", question, "application/json")->status, 202);
  EXPECT_EQ(client->Post("/api/questions", question, "application/json")->status, 429);
}

TEST_F(ApiTest, AnotherNameForThisMachineIsRefused) {
  start();
  for (const char* path : {"/", "/api/streams", "/metrics", "/livez"}) {
    const auto reply = client->Get(path, {{"Host", "evil.example:9464"}});
    EXPECT_EQ(reply->status, 421) << path;
  }
  EXPECT_EQ(server->stats().refused["host"], 4U);
}

TEST_F(ApiTest, PicturesAreServedOnceToAClientThatHasThem) {
  start();
  const auto picture = client->Get("/streams/gate/latest.jpg");
  EXPECT_EQ(picture->body, "jpeg");
  const httplib::Headers had{{"If-None-Match", picture->get_header_value("ETag")}};
  EXPECT_EQ(client->Get("/streams/gate/latest.jpg", had)->status, 304);
  EXPECT_EQ(client->Get("/evidence/gate/17.jpg")->body, "picture of gate");
  for (const char* path :
       {"/evidence/gate/18.jpg", "/evidence/gate/x.jpg", "/evidence/../gate/17.jpg", "/evidence/Gate/17.jpg",
        "/evidence/gate/17.jpg/..", "/evidence/gate/1700000000000000000.jpg"})
    EXPECT_EQ(client->Get(path)->status, 404) << path;
  // Ranges are not served: the whole comes, whatever was asked for.
  EXPECT_EQ(client->Get("/evidence/gate/17.jpg", {{"Range", "bytes=0-1,3-4"}})->body, "picture of gate");
}

TEST_F(ApiTest, ATokenOpensEverything) {
  start(kToken);
  EXPECT_EQ(client->Get("/")->status, 200);
  EXPECT_EQ(client->Get("/livez")->status, 200);
  EXPECT_EQ(client->Get("/readyz")->body, "{\"ready\":false}\n") << "the reasons name streams";
  for (const char* path :
       {"/api/streams", "/api/events", "/metrics", "/streams/gate/latest.jpg", "/evidence/gate/17.jpg"}) {
    const auto reply = client->Get(path);
    EXPECT_EQ(reply->status, 401) << path;
    EXPECT_THAT(reply->get_header_value("WWW-Authenticate"), StartsWith("Bearer"));
    EXPECT_EQ(client->Get(path, {{"Authorization", "Bearer wrong"}})->status, 401) << path;
  }
  const httplib::Headers bearer{{"Authorization", std::string("Bearer ") + kToken}};
  EXPECT_EQ(client->Get("/api/streams", bearer)->status, 200);
  EXPECT_THAT(client->Get("/readyz", bearer)->body, HasSubstr("redis: away"));
  EXPECT_EQ(
      client->Get("/api/streams", {{"Host", "vedette.example"}, {"Authorization", bearer.begin()->second}})
          ->status,
      200);
}

TEST_F(ApiTest, ThePageLogsIn) {
  start(kToken);
  const auto session = [&](const httplib::Headers& headers = {}) {
    return json::parse(client->Get("/api/session", headers)->body);
  };
  EXPECT_EQ(session(), (json{{"needed", true}, {"open", false}}));
  const auto wrong = client->Post("/api/session", "{\"token\":\"0123456789abcdef\"}", "application/json");
  EXPECT_EQ(wrong->status, 401);
  EXPECT_FALSE(wrong->has_header("Set-Cookie"));
  EXPECT_EQ(client->Post("/api/session", "{\"token\":5}", "application/json")->status, 400);
  const auto right = client->Post("/api/session", json{{"token", kToken}}.dump(), "application/json");
  ASSERT_EQ(right->status, 200);
  const std::string set = right->get_header_value("Set-Cookie");
  EXPECT_THAT(set, HasSubstr("; HttpOnly; SameSite=Strict"));
  EXPECT_EQ(set.find(kToken), std::string::npos);
  const httplib::Headers cookie{{"Cookie", set.substr(0, set.find(';'))}};
  EXPECT_EQ(session(cookie), (json{{"needed", true}, {"open", true}}));
  EXPECT_EQ(client->Get("/api/streams", cookie)->status, 200);
  EXPECT_EQ(client->Delete("/api/session", cookie)->status, 200);
  EXPECT_EQ(client->Get("/api/streams", cookie)->status, 401);
}

}  // namespace
}  // namespace vedette::daemon::http
