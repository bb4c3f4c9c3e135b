// Serves the page and its API of made-up streams: page_serve FOLDER [TOKEN]
//
// Prints "listening on PORT", then takes news as lines of JSON from standard input, until that ends:
//   {"streams": ["gate"]}  {"not_ready": ["redis: away"]}  {"state": {"stream", "state", "reason",
//   "next_try_ms", "shed_reason"}}
//   {"coverage": [{"stream", "modality": "audio", "now": "analysed", "seconds": {"analysed": 60}}]}
//   {"record": {"id", "rev", "stream", "kind", "state", "text", "rule", "score", "evidence", "ago_ms",
//   "details"}}
// FOLDER/STREAM.jpg is a stream's newest picture. A question is answered with itself; one that begins with
// "fail", with an error; one that begins with "wait", never.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/time.h"
#include "daemon/evidence/picture_file.h"
#include "daemon/http/http_server.h"
#include "daemon/http/live_board.h"
#include "daemon/http/question_desk.h"
#include "tests/support/recording_publisher.h"

namespace vedette {
namespace {

using nlohmann::json;
namespace http = daemon::http;
namespace ledger = daemon::ledger;

template <class Enum>
Enum named(const std::string& name, int count) {
  for (int i = 0; i < count; ++i) {
    if (name == to_string(static_cast<Enum>(i))) return static_cast<Enum>(i);
  }
  throw std::invalid_argument("unknown name " + name);
}

sinks::Record record_of(const json& said) {
  sinks::Record record;
  record.id = said.at("id");
  record.rev = said.value("rev", 0U);
  record.stream = said.at("stream");
  record.kind = named<sinks::Kind>(said.at("kind"), 7);
  record.state = named<sinks::RecordState>(said.value("state", "close"), 4);
  record.t_end_ms = base::utc_now_ms() - said.value("ago_ms", 1000);
  record.t_start_ms = record.t_end_ms - 2000;
  record.clock = said.value("clock", "receive");
  record.text = said.value("text", "");
  record.rule = said.value("rule", "");
  if (said.contains("score")) record.score = said["score"].get<double>();
  record.evidence = said.value("evidence", std::vector<std::string>{});
  if (said.contains("details")) record.details = said["details"].dump();
  return record;
}

ledger::Ledger::Account account_of(const json& said) {
  ledger::Ledger::Account account;
  account.stream = said.at("stream");
  account.modality = named<ledger::Modality>(said.at("modality"), 2);
  account.state = named<ledger::Coverage>(said.at("now"), ledger::kCoverageStates);
  for (const auto& [state, seconds] : said.at("seconds").items()) {
    account.spent[static_cast<std::size_t>(named<ledger::Coverage>(state, ledger::kCoverageStates))] =
        std::chrono::seconds(seconds.get<int>());
  }
  return account;
}

void reply(const sinks::Question& question, const sinks::AnswerCallback& callback) {
  if (question.text.starts_with("wait")) return;
  sinks::Answer answer;
  if (question.text.starts_with("fail")) {
    answer.state = sinks::AnswerState::kError;
    answer.reason = "told to fail";
    callback(std::move(answer));
    return;
  }
  answer.to_ms = base::utc_now_ms();
  answer.from_ms = answer.to_ms - 300'000;
  answer.model = "echo";
  answer.text = "You asked";
  callback(answer);
  answer.text += ": " + question.text;
  callback(answer);
  answer.state = sinks::AnswerState::kFinal;
  answer.evidence = {"gate-1-1", "gate-1-2"};
  callback(std::move(answer));
}

struct World {
  std::mutex mutex;
  std::vector<std::string> streams, not_ready;
  std::vector<ledger::Ledger::Account> coverage;

  void take(const json& news, http::LiveBoard& board) {
    if (news.contains("record")) board.publish(record_of(news["record"]));
    if (news.contains("state")) {
      const json& said = news["state"];
      sinks::StateUpdate update;
      update.stream = said.at("stream");
      update.state = said.at("state");
      update.reason = said.value("reason", "");
      update.next_try_ms = said.value("next_try_ms", std::int64_t{0});
      update.shed_reason = said.value("shed_reason", "");
      board.publish_state(update);
    }
    const std::lock_guard lock(mutex);
    if (news.contains("streams")) streams = news["streams"];
    if (news.contains("not_ready")) not_ready = news["not_ready"];
    if (!news.contains("coverage")) return;
    coverage.clear();
    for (const json& said : news["coverage"]) coverage.push_back(account_of(said));
  }
  template <class T>
  std::function<T()> read(T& value) {
    return [this, &value] {
      const std::lock_guard lock(mutex);
      return value;
    };
  }
};

int serve(const std::filesystem::path& folder, const std::string& token) {
  World world;
  tests::RecordingPublisher redis(0);
  http::EventLog events;
  http::LiveBoard board(redis, events, base::utc_now_ms);
  http::QuestionDesk desk(events, reply);
  http::HttpPages pages;
  pages.metrics = [] { return std::string("vedette_test 1\n"); };
  pages.not_ready = world.read(world.not_ready);
  pages.streams = world.read(world.streams);
  pages.coverage = world.read(world.coverage);
  pages.picture = [&](const std::string& stream) {
    http::LatestPicture latest;
    std::ifstream file(folder / (stream + ".jpg"), std::ios::binary);
    std::ostringstream bytes;
    latest.known = true;
    if (file && bytes << file.rdbuf()) latest.jpeg = std::make_shared<const std::string>(bytes.str());
    return latest;
  };
  pages.has_picture = [&](const std::string& stream) {
    return std::filesystem::exists(folder / (stream + ".jpg"));
  };
  pages.evidence = [&](const std::string& stream, std::int64_t written_ms) {
    return daemon::evidence::read_picture(folder, stream, written_ms);
  };
  pages.events = &events;
  pages.board = &board;
  pages.questions = &desk;
  const http::HttpServer server({"127.0.0.1", 0, token}, pages);
  std::printf("listening on %d\n", server.port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) world.take(json::parse(line), board);
  return 0;
}

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return vedette::serve(argv[1], argc > 2 ? argv[2] : "");
}
