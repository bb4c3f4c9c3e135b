// Runs every command of docs/redis.md against a daemon's publisher and intake.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sinks/redis/questions.h"
#include "tests/sinks/redis/publisher_fixture.h"

namespace vedette::sinks::redis {
namespace {

struct Recipe {
  std::string command, prints;
};

std::vector<Recipe> recipes() {
  std::ifstream page(VEDETTE_SOURCE_DIR "/docs/redis.md");
  std::vector<Recipe> recipes;
  std::string command;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside) {
      if (line.ends_with("\\")) {
        command += line.substr(0, line.size() - 1);
        continue;
      }
      command += line;
      const std::size_t mark = command.find("# prints: ");
      recipes.push_back(
          {command.substr(0, mark), mark == std::string::npos ? "" : command.substr(mark + 10)});
      command.clear();
    }
  }
  return recipes;
}

// What the command prints, with `redis-cli` meaning the one of this server.
std::string run(const std::string& command, int port) {
  const std::string script =
      "redis-cli() { command redis-cli -p " + std::to_string(port) + " \"$@\"; }; export -f redis-cli; ";
  std::string line = "timeout 30 bash -c '";
  for (const char c : script + command) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
  // `timeout` runs programs, not functions: let it find one.
  const std::size_t at = line.find("timeout 3 redis-cli");
  if (at != std::string::npos) line.replace(at, 19, "timeout 3 redis-cli -p " + std::to_string(port));
  FILE* pipe = popen((line + "' 2>&1").c_str(), "r");
  std::string output;
  for (char buffer[4096]; fgets(buffer, sizeof buffer, pipe) != nullptr;) output += buffer;
  const int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command << "\n" << output;
  return output;
}

TEST(RedisRecipes, EveryOneOfThePageDoesWhatItSays) {
  tests::RedisServer server;
  RedisPublisher publisher(quick(server.url(), "example-1-0"));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  QuestionIntake intake(publisher, [](const Question&, const AnswerCallback& callback) {
    Answer answer;
    answer.state = AnswerState::kFinal;
    answer.text = "Good morning was said.";
    callback(answer);
  });
  StateUpdate update;
  update.stream = "gate";
  update.state = "running";
  publisher.publish_state(update);
  publisher.publish_coverage("gate", "audio", 1'700'035'200, "aaaggg");  // 2023-11-15T08:00:00Z
  std::atomic<bool> stop = false;
  std::thread speaker([&] {
    for (int i = 0; !stop; ++i) {
      Record record = a_record(i);
      record.text = "good morning";
      publisher.publish(record);
      publisher.publish_live("gate", "good");
      if (i == 0) {
        record.kind = Kind::kAlert;
        record.id = "gate-1-a";
        record.rule = "smoke";
        publisher.publish(record);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  const auto all = recipes();
  EXPECT_GE(all.size(), 16U);
  for (const Recipe& recipe : all) {
    const std::string output = run(recipe.command, server.port());
    EXPECT_NE(recipe.prints, "") << recipe.command;
    EXPECT_NE(output.find(recipe.prints), std::string::npos) << recipe.command << "\n" << output;
  }
  stop = true;
  speaker.join();

  // The rights that the page gives suffice for everything that the daemon does.
  const std::string url = "redis://vedetted:a-long-secret@127.0.0.1:" + std::to_string(server.port());
  RedisPublisher guarded(quick(url, "guarded"));
  std::atomic<int> asked = 0;
  QuestionIntake questions(guarded, [&](const Question&, const AnswerCallback& callback) {
    ++asked;
    Answer answer;
    answer.state = AnswerState::kFinal;
    callback(answer);
  });
  guarded.set_streams({"yard", "hall"});
  ASSERT_TRUE(owns(guarded, "yard"));
  publisher.stop();
  intake.stop();
  guarded.publish_state(update);
  guarded.publish(a_record(1, 0, "yard"));
  guarded.publish_live("yard", "x");
  guarded.publish_coverage("yard", "audio", 1'700'035'200, "a");
  EXPECT_TRUE(tests::eventually([&] { return stats_of(guarded, "yard").written == 1; }));
  tests::RedisClient client(server.url());
  client.run({"XADD", "vedette:questions", "*", "id", "q9", "stream", "yard", "text", "?"});
  EXPECT_TRUE(tests::eventually([&] { return asked == 1; }));
  guarded.set_streams({"yard"});
  EXPECT_TRUE(tests::eventually([&] { return client.run({"SISMEMBER", "vedette:streams", "hall"}) == "0"; }));
  EXPECT_TRUE(tests::eventually([&] { return questions.stats().problem.empty(); }));
  for (const std::uint64_t errors : guarded.stats().errors) EXPECT_EQ(errors, 0U) << guarded.stats().problem;
}

}  // namespace
}  // namespace vedette::sinks::redis
