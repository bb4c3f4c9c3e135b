// vedette streams: which streams there are, and how they are.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/redis_options.h"

namespace vedette::cli {

namespace {

struct StreamsOptions {
  std::string redis;
  bool json = false;
};

struct Row {
  std::string stream, owner;
  std::map<std::string, std::string> state;
};

// "running(no_audio), every second picture".
std::string told(Row& row) {
  if (row.owner.empty()) return "nobody writes it";
  std::string state = row.state["state"].empty() ? "unknown" : row.state["state"];
  if (!row.state["reason"].empty()) state += "(" + row.state["reason"] + ")";
  if (row.state["state"] == "running" && !row.state["shed_reason"].empty())
    state += ", " + row.state["shed_reason"];
  return printable(state);
}

void print_table(std::vector<Row>& rows) {
  std::size_t width = 6;
  for (const Row& row : rows) width = std::max(width, row.stream.size());
  std::printf("%-*s  %-24s  %s\n", static_cast<int>(width), "STREAM", "STATE", "LAST WORDS");
  for (Row& row : rows) {
    std::printf("%-*s  %-24s  %s\n", static_cast<int>(width), row.stream.c_str(), told(row).c_str(),
                printable(row.state["last_text"]).c_str());
  }
}

void print_json(const std::vector<Row>& rows) {
  nlohmann::json array = nlohmann::json::array();
  for (const Row& row : rows) {
    nlohmann::json one = {{"stream", row.stream}, {"owner", row.owner}};
    for (const auto& [name, value] : row.state) {
      if (name != "owner") one[name] = value;  // the lease says who it is now
    }
    array.push_back(std::move(one));
  }
  std::printf("%s\n", array.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

ExitCode run_streams(const StreamsOptions& options) {
  sinks::redis::Reader reader = open_reader(options.redis);
  std::vector<Row> rows;
  for (const std::string& stream : reader.streams()) {
    const std::string prefix = "vedette:{" + stream + "}:";
    rows.push_back({stream, reader.get(prefix + "owner"), reader.hash(prefix + "state")});
  }
  if (options.json) {
    print_json(rows);
  } else if (rows.empty()) {
    std::fprintf(stderr, "There are no streams in this Redis.\n");
  } else {
    print_table(rows);
  }
  return ExitCode::kDone;
}

}  // namespace

void add_streams(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("streams", "Show the streams and their states");
  auto options = std::make_shared<StreamsOptions>();
  add_redis_option(*command, options->redis);
  command->add_flag("--json", options->json, "As a JSON array");
  command->callback([options, &action] { action = [options] { return run_streams(*options); }; });
}

}  // namespace vedette::cli
