// vedette ask: a question about a stream, answered by the model in the daemon.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "base/time.h"
#include "cli/command.h"
#include "cli/redis_options.h"

namespace vedette::cli {

namespace {

struct AskOptions {
  std::string redis, stream, text, from, to;
  double timeout_s = 60.0;
  bool json = false;
};

constexpr const char* kAnswers = "vedette:answers";

std::string random_id() {
  std::random_device device;
  char text[40];
  std::snprintf(text, sizeof text, "ask-%08x%08x", static_cast<unsigned>(device()),
                static_cast<unsigned>(device()));
  return text;
}

// Prints an answer as it grows.
class Growing {
 public:
  void show(const std::string& text) {
    const std::string line = printable(text);
    if (line.compare(0, shown_.size(), shown_) != 0) {  // not a continuation: begin anew
      std::printf("\n");
      shown_.clear();
    }
    std::fputs(line.c_str() + shown_.size(), stdout);
    std::fflush(stdout);
    shown_ = line;
  }
  void end() {
    if (!shown_.empty()) std::printf("\n");
  }

 private:
  std::string shown_;
};

ExitCode follow(sinks::redis::Reader& reader, const std::string& id, std::map<std::string, std::string> after,
                const AskOptions& options) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(options.timeout_s);
  Growing growing;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    for (const auto& entry : reader.read(after, std::min(left, std::chrono::milliseconds(1000)))) {
      auto fields = entry.fields;
      if (fields["id"] != id) continue;
      const std::string& state = fields["state"];
      if (options.json) {
        std::printf("%s\n", fields["json"].c_str());
        std::fflush(stdout);
      } else if (state != "error") {
        growing.show(fields["text"]);
      }
      if (state == "final" && !options.json) growing.end();
      if (state == "final") return ExitCode::kDone;
      if (state == "error") {
        growing.end();
        throw CommandError(ExitCode::kFailed, printable(fields["reason"]));
      }
    }
  }
  growing.end();
  throw CommandError(ExitCode::kFailed, "no answer in time; is vedetted running?");
}

ExitCode run_ask(const AskOptions& options) {
  const std::int64_t now_ms = base::utc_now_ms();
  const std::string id = random_id();
  char host[65] = "";
  gethostname(host, sizeof host - 1);
  sinks::Fields fields = {{"id", id}, {"stream", options.stream}, {"text", options.text}};
  fields.emplace_back("client", "cli-" + std::string(host).substr(0, 40) + "-" + std::to_string(getuid()));
  if (!options.from.empty()) {
    fields.emplace_back("from_ms", std::to_string(parse_time(options.from, "--from", now_ms)));
  }
  if (!options.to.empty())
    fields.emplace_back("to_ms", std::to_string(parse_time(options.to, "--to", now_ms)));
  sinks::redis::Reader reader = open_reader(options.redis);
  std::map<std::string, std::string> after = {{kAnswers, reader.last_id(kAnswers)}};
  reader.add("vedette:questions", fields);
  return follow(reader, id, std::move(after), options);
}

}  // namespace

void add_ask(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("ask", "Ask about what was seen and heard in a stream");
  auto options = std::make_shared<AskOptions>();
  add_redis_option(*command, options->redis);
  command->add_option("STREAM", options->stream, "Which stream")->required();
  command->add_option("QUESTION", options->text, "Up to 2048 bytes")->required();
  command->add_option("--from", options->from,
                      "Only since: 10m (ago), 2026-01-31T12:00:00Z, or milliseconds");
  command->add_option("--to", options->to, "Only until, in the same forms");
  command->add_option("--timeout", options->timeout_s, "Give up after so many seconds")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Each step of the answer as a JSON object on a line");
  command->callback([options, &action] { action = [options] { return run_ask(*options); }; });
}

}  // namespace vedette::cli
