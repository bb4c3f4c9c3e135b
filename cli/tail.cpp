// vedette tail: what is seen and heard, as Redis gets it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/time.h"
#include "cli/command.h"
#include "cli/redis_options.h"

namespace vedette::cli {

namespace {

using sinks::redis::StreamEntry;

struct TailOptions {
  std::string redis, stream, since;
  bool json = false, tentative = false, no_follow = false;
  std::uint64_t count = 0;
};

std::string events_key(const std::string& stream) {
  return "vedette:{" + stream + "}:events";
}

std::string field(const StreamEntry& entry, const char* name) {
  const auto found = entry.fields.find(name);
  return found == entry.fields.end() ? "" : found->second;
}

std::int64_t number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

// One line for people. A record that is still open is marked.
void print_line(const StreamEntry& entry) {
  const std::string state = field(entry, "state");
  std::printf("%s - %s  %s  %s  %s%s\n", clock_time(number(field(entry, "t_start_ms"))).c_str(),
              clock_time(number(field(entry, "t_end_ms"))).c_str(), printable(field(entry, "stream")).c_str(),
              printable(field(entry, "kind")).c_str(), printable(field(entry, "text")).c_str(),
              state == "close"      ? ""
              : state == "withdraw" ? " (withdrawn)"
                                    : " ...");
}

bool print(const StreamEntry& entry, const TailOptions& options) {
  if (options.json) {
    const auto record = nlohmann::json::parse(field(entry, "json"), nullptr, false);
    if (record.is_discarded()) return false;  // not written by us
    std::printf("%s\n", record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return true;
  }
  const bool words = field(entry, "kind") == "transcript" || field(entry, "kind") == "caption";
  if (words && !options.tentative && field(entry, "state") != "close") return false;
  if (field(entry, "id").empty()) return false;
  print_line(entry);
  return true;
}

// The ids to read from: the streams that are followed; new ones from their beginning.
void find_streams(sinks::redis::Reader& reader, const TailOptions& options, const std::string& from,
                  std::map<std::string, std::string>& after) {
  if (!options.stream.empty()) {
    if (after.empty())
      after[events_key(options.stream)] = from.empty() ? reader.last_id(events_key(options.stream)) : from;
    return;
  }
  const bool first = after.empty();
  for (const std::string& stream : reader.streams()) {
    const std::string key = events_key(stream);
    if (after.count(key) != 0) continue;
    after[key] = !from.empty() ? from : first ? reader.last_id(key) : "0-0";
  }
}

ExitCode run_tail(const TailOptions& options) {
  if (!options.stream.empty() && !sinks::is_stream_id(options.stream)) {
    throw CommandError(ExitCode::kUsage,
                       "STREAM must be 1 to 64 of a-z, 0-9, _ and -, not \"" + options.stream + "\"");
  }
  const std::string from =
      options.since.empty() ? "" : std::to_string(parse_time(options.since, "--since", base::utc_now_ms()));
  sinks::redis::Reader reader = open_reader(options.redis);
  reader.open();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::map<std::string, std::string> after;
  std::uint64_t printed = 0;
  auto looked_at = std::chrono::steady_clock::time_point{};
  for (;;) {
    try {
      if (std::chrono::steady_clock::now() - looked_at > std::chrono::seconds(2)) {
        find_streams(reader, options, from, after);
        looked_at = std::chrono::steady_clock::now();
      }
      std::vector<StreamEntry> entries;
      if (!after.empty()) {
        entries = reader.read(after, std::chrono::milliseconds(options.no_follow ? 0 : 1000));
      } else if (!options.no_follow) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
      }
      for (const StreamEntry& entry : entries) {
        printed += print(entry, options) ? 1 : 0;
        if (options.count != 0 && printed >= options.count) return ExitCode::kDone;
      }
      if (entries.empty() && options.no_follow) return ExitCode::kDone;
    } catch (const sinks::redis::ReaderError& error) {
      if (options.no_follow) throw;
      std::fprintf(stderr, "vedette: %s; trying again\n", error.what());
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }
}

}  // namespace

void add_tail(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("tail", "Print what is seen and heard, as it comes");
  auto options = std::make_shared<TailOptions>();
  add_redis_option(*command, options->redis);
  command->add_option("STREAM", options->stream, "Only this stream");
  command->add_option("--since", options->since,
                      "Begin there: 10m (ago), 2026-01-31T12:00:00Z, or milliseconds");
  command->add_option("--count", options->count, "End after so many records");
  command->add_flag("--json", options->json, "One JSON object per line: every record, every revision");
  command->add_flag("--tentative", options->tentative, "Words that may still change, too");
  command->add_flag("--no-follow", options->no_follow, "End when everything there is has been printed");
  command->callback([options, &action] { action = [options] { return run_tail(*options); }; });
}

}  // namespace vedette::cli
