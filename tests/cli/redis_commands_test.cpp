// vedette tail, ask and streams against a real Redis, with the publisher and the intake on the other side.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/time.h"
#include "sinks/redis/questions.h"
#include "sinks/redis/reader.h"
#include "tests/sinks/redis/publisher_fixture.h"

namespace vedette::cli {
namespace {

using sinks::Answer;
using sinks::AnswerState;
using sinks::redis::a_record;
using sinks::redis::owns;
using sinks::redis::QuestionIntake;
using sinks::redis::quick;
using sinks::redis::RedisPublisher;
using sinks::redis::stats_of;

struct Result {
  int code = -1;
  std::string out;  // and standard error

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
};

Result vedette(const std::string& arguments) {
  FILE* pipe = popen((std::string(VEDETTE_BINARY_DIR) + "/bin/vedette " + arguments + " 2>&1").c_str(), "r");
  Result run;
  std::array<char, 4096> buffer{};
  for (std::size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    run.out.append(buffer.data(), n);
  const int status = pclose(pipe);
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

class RedisCommandsTest : public testing::Test {
 protected:
  RedisCommandsTest() {
    publisher_.set_streams({"gate", "yard"});
    owns(publisher_);
    owns(publisher_, "yard");
  }
  std::string redis() const { return " --redis " + server_.url(); }
  void publish(sinks::Record record) {
    const std::string stream = record.stream;
    const auto before = stats_of(publisher_, stream).written;
    publisher_.publish(std::move(record));
    tests::eventually([&] { return stats_of(publisher_, stream).written > before; });
  }
  sinks::QuestionHandler answering(std::string reason = "") {
    return [reason](const sinks::Question& question, const sinks::AnswerCallback& callback) {
      Answer answer;
      answer.text = "You asked";
      callback(answer);
      answer.text = "You asked: " + question.text;
      answer.from_ms = question.from_ms.value_or(0);
      answer.state = reason.empty() ? AnswerState::kFinal : AnswerState::kError;
      answer.reason = reason;
      callback(answer);
    };
  }

  tests::RedisServer server_;
  RedisPublisher publisher_{quick(server_.url())};
};

TEST_F(RedisCommandsTest, TailPrintsCommittedWordsForPeopleAndEverythingForPrograms) {
  sinks::Record record = a_record(1);
  record.state = sinks::RecordState::kUpdate;
  publish(record);
  record.rev = 1;
  record.state = sinks::RecordState::kClose;
  record.t_start_ms = 61'500;
  record.t_end_ms = 62'900;
  record.text = "good\x1b[31m morning";
  publish(record);
  publish(a_record(1, 0, "yard"));

  const Result people = vedette("tail gate --since 0 --no-follow" + redis());
  EXPECT_EQ(people.code, 0);
  EXPECT_EQ(people.out, "00:01:01.5 - 00:01:02.9  gate  transcript  good [31m morning\n");
  EXPECT_EQ(vedette("tail gate --since 0 --no-follow --tentative" + redis()).lines().size(), 2U);

  const Result programs = vedette("tail --since 0 --no-follow --json" + redis());
  EXPECT_EQ(programs.code, 0);
  ASSERT_EQ(programs.lines().size(), 3U) << programs.out;
  for (const std::string& line : programs.lines()) EXPECT_EQ(nlohmann::json::parse(line)["schema"], 1);
  EXPECT_EQ(vedette("tail --since 0 --count 2 --json" + redis()).lines().size(), 2U);
}

TEST_F(RedisCommandsTest, TailFollowsFromNow) {
  publish(a_record(1));
  std::thread later([&] {
    for (int i = 2; i < 400; ++i) {
      publisher_.publish(a_record(i));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const Result run = vedette("tail gate --count 3 --json" + redis());
  later.join();
  EXPECT_EQ(run.code, 0);
  ASSERT_EQ(run.lines().size(), 3U);
  EXPECT_NE(nlohmann::json::parse(run.lines()[0])["id"], "gate-1-1");
}

TEST_F(RedisCommandsTest, AskPrintsTheAnswerAndEndsWithZero) {
  QuestionIntake intake(publisher_, answering());
  const Result people = vedette("ask gate 'What was said?'" + redis());
  EXPECT_EQ(people.code, 0);
  EXPECT_EQ(people.out, "You asked: What was said?\n");
  const Result programs = vedette("ask gate why --json --from 1234" + redis());
  EXPECT_EQ(programs.code, 0);
  ASSERT_EQ(programs.lines().size(), 2U) << programs.out;
  EXPECT_EQ(nlohmann::json::parse(programs.lines()[0])["state"], "partial");
  EXPECT_EQ(nlohmann::json::parse(programs.lines()[1])["state"], "final");
  EXPECT_EQ(nlohmann::json::parse(programs.lines()[1])["from_ms"], 1234);
}

TEST_F(RedisCommandsTest, AskEndsWithOneOnAnErrorOrInSilence) {
  {
    QuestionIntake intake(publisher_, answering("the model is asleep"));
    const Result run = vedette("ask gate why" + redis());
    EXPECT_EQ(run.code, 1);
    EXPECT_NE(run.out.find("the model is asleep"), std::string::npos);
    const Result unknown = vedette("ask nowhere why" + redis());
    EXPECT_EQ(unknown.code, 1);
    EXPECT_NE(unknown.out.find("there is no stream nowhere"), std::string::npos);
  }
  const Result silence = vedette("ask gate why --timeout 0.2" + redis());
  EXPECT_EQ(silence.code, 1);
  EXPECT_NE(silence.out.find("is vedetted running?"), std::string::npos);
}

TEST_F(RedisCommandsTest, StreamsShowsStateAndReason) {
  sinks::StateUpdate update;
  update.stream = "yard";
  update.state = "reconnecting";
  update.reason = "auth";
  publisher_.publish_state(update);
  update = {};
  update.stream = "gate";
  update.state = "running";
  update.shed_reason = "every second picture";
  publisher_.publish_state(update);
  tests::RedisClient client(server_.url());
  ASSERT_TRUE(tests::eventually([&] {
    return client.hash("vedette:{yard}:state").count("reason") == 1 &&
           client.hash("vedette:{gate}:state").count("shed_reason") == 1;
  }));
  const Result people = vedette("streams" + redis());
  EXPECT_EQ(people.code, 0);
  EXPECT_NE(people.out.find("reconnecting(auth)"), std::string::npos) << people.out;
  EXPECT_NE(people.out.find("running, every second picture"), std::string::npos) << people.out;
  const auto json = nlohmann::json::parse(vedette("streams --json" + redis()).out);
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0]["stream"], "gate");
  EXPECT_EQ(json[1]["state"], "reconnecting");
  EXPECT_EQ(json[1]["owner"], "me");
}

TEST_F(RedisCommandsTest, ReportWhatIsWrong) {
  EXPECT_EQ(vedette("tail GATE" + redis()).code, 2);
  EXPECT_EQ(vedette("tail --since yesterday" + redis()).code, 2);
  EXPECT_EQ(vedette("ask gate" + redis()).code, 2);
  EXPECT_EQ(vedette("streams --redis http://x").code, 2);
  server_.shut_down();
  const Result run = vedette("streams" + redis());
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.out.find("Connection refused"), std::string::npos) << run.out;
}

TEST_F(RedisCommandsTest, TheUrlComesFromTheEnvironmentToo) {
  setenv("VEDETTE_REDIS", server_.url().c_str(), 1);
  EXPECT_NE(vedette("streams").out.find("gate"), std::string::npos);
  unsetenv("VEDETTE_REDIS");
}

TEST_F(RedisCommandsTest, CoverageAddsUpToTheTimeThatIsAskedFor) {
  constexpr std::int64_t kMidnight = 1'700'006'400;  // 2023-11-15T00:00:00Z
  publisher_.publish_coverage("gate", "audio", kMidnight - 30,
                              std::string(20, 'a') + std::string(15, 'g') + std::string(5, 'n'));
  publisher_.publish_coverage("gate", "video", kMidnight + 9, "e");
  sinks::redis::Reader reader(sinks::redis::parse_url(server_.url()));
  ASSERT_TRUE(tests::eventually(
      [&] { return reader.range("vedette:{gate}:coverage:video:2023-11-15", 9, 9) == "e"; }));
  const std::string span =
      "coverage gate --since 2023-11-14T23:59:20Z --until 2023-11-15T00:00:20Z" + redis();

  const Result chart = vedette(span + " --width 6");
  EXPECT_EQ(chart.code, 0);
  ASSERT_EQ(chart.lines().size(), 5U) << chart.out;
  EXPECT_EQ(chart.lines()[0], "gate, 2023-11-14 23:59:20 to 2023-11-15 00:00:20 UTC, 10 s a column");
  EXPECT_EQ(chart.lines()[1], "audio  _██▒-_");
  EXPECT_EQ(chart.lines()[2], "       █ analysed 33.3 %, _ down 33.3 %, ▒ gated 25.0 %, - no_signal 8.3 %");
  EXPECT_EQ(chart.lines()[3], "video  ______");
  EXPECT_EQ(chart.out.find('\x1b'), std::string::npos);

  const auto json = nlohmann::json::parse(vedette(span + " --json").out);
  EXPECT_EQ(json["seconds"], 60);
  for (const char* modality : {"audio", "video"}) {
    const auto& one = json["modalities"][modality];
    std::int64_t sum = 0, spans = 0;
    for (const auto& seconds : one["seconds"]) sum += seconds.get<std::int64_t>();
    for (const auto& part : one["spans"])
      spans += part["to_ms"].get<std::int64_t>() - part["from_ms"].get<std::int64_t>();
    EXPECT_EQ(sum, 60) << modality;
    EXPECT_EQ(spans, 60'000) << modality;
  }
  EXPECT_EQ(json["modalities"]["audio"]["seconds"]["gated"], 15);
  EXPECT_EQ(json["modalities"]["audio"]["spans"].size(), 5U);
  EXPECT_EQ(json["modalities"]["audio"]["spans"][1]["state"], "analysed");
}

TEST_F(RedisCommandsTest, CoverageOfAStreamThatNobodyWatchedIsDown) {
  const auto json = nlohmann::json::parse(vedette("coverage yard --since 1h --json" + redis()).out);
  EXPECT_EQ(json["seconds"], 3600);
  EXPECT_EQ(json["modalities"]["audio"]["seconds"]["down"], 3600);
  EXPECT_EQ(json["modalities"]["video"]["seconds"]["down"], 3600);
  const Result unknown = vedette("coverage nobody" + redis());
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.out.find("nothing is known of a stream nobody"), std::string::npos) << unknown.out;
  EXPECT_EQ(vedette("coverage gate --since 1h --until 2h" + redis()).code, 2);
  EXPECT_EQ(vedette("coverage gate --since yesterday" + redis()).code, 2);
  EXPECT_EQ(vedette("coverage 'a b'" + redis()).code, 2);
  EXPECT_EQ(vedette("coverage" + redis()).code, 2);
}

}  // namespace
}  // namespace vedette::cli
