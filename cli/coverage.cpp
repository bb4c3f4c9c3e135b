// vedette coverage: what of a stream was watched, second by second.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/command.h"
#include "cli/coverage_chart.h"
#include "cli/redis_options.h"
#include "sinks/redis/coverage_queue.h"

namespace vedette::cli {

namespace {

using daemon::ledger::Coverage;
using daemon::ledger::Modality;
using sinks::redis::kCoverageDay;

// The daemon writes every other second; by then what was before is there.
constexpr std::int64_t kWrittenAfterMs = 5000;
constexpr std::int64_t kMostDays = 400;

struct CoverageOptions {
  std::string redis, stream, since = "1h", until;
  bool json = false;
  int width = 0;
};

// Seconds of UTC from `from` on, and what is known of each, by modality.
struct History {
  std::int64_t from = 0, to = 0;
  std::map<Modality, std::string> letters;
};

// The letters of a span, NUL where nothing was written; "" when nothing was anywhere.
std::string read_letters(sinks::redis::Reader& reader, const std::string& stream, Modality modality,
                         std::int64_t from, std::int64_t to) {
  std::string letters;
  bool any = false;
  for (std::int64_t at = from; at < to;) {
    const auto place = sinks::redis::coverage_place(stream, daemon::ledger::to_string(modality), at);
    const std::int64_t end = std::min(to, at - place.offset + kCoverageDay);
    std::string part = reader.range(place.key, place.offset, place.offset + (end - at) - 1);
    any = any || part.find_first_not_of('\0') != part.npos;
    part.resize(static_cast<std::size_t>(end - at), '\0');
    letters += part;
    at = end;
  }
  return any ? letters : std::string();
}

History read_history(sinks::redis::Reader& reader, const CoverageOptions& options) {
  const std::int64_t now_ms = base::utc_now_ms() - kWrittenAfterMs;
  History history;
  history.from = parse_time(options.since, "--since", now_ms) / 1000;
  history.to = (options.until.empty() ? now_ms : parse_time(options.until, "--until", now_ms)) / 1000;
  if (history.to <= history.from || history.to - history.from > kMostDays * kCoverageDay) {
    throw CommandError(ExitCode::kUsage,
                       "--since must lie before --until, by " + std::to_string(kMostDays) + " days at most");
  }
  for (const Modality modality : {Modality::kAudio, Modality::kVideo}) {
    std::string letters = read_letters(reader, options.stream, modality, history.from, history.to);
    if (!letters.empty()) history.letters[modality] = std::move(letters);
  }
  if (!history.letters.empty()) return history;
  const auto known = reader.streams();
  if (std::ranges::find(known, options.stream) == known.end()) {
    throw CommandError(ExitCode::kFailed, "nothing is known of a stream " + options.stream +
                                              " in that time; `vedette streams` lists those that there are");
  }
  const auto seconds = static_cast<std::size_t>(history.to - history.from);
  for (const Modality modality : {Modality::kAudio, Modality::kVideo})
    history.letters[modality] = std::string(seconds, '\0');
  return history;
}

// Neighbouring seconds in the same state, as one span each.
nlohmann::json spans_of(const std::string& letters, std::int64_t from) {
  nlohmann::json spans = nlohmann::json::array();
  for (std::size_t at = 0; at < letters.size();) {
    const Coverage state = daemon::ledger::coverage_of_letter(letters[at]);
    std::size_t end = at + 1;
    while (end < letters.size() && daemon::ledger::coverage_of_letter(letters[end]) == state) ++end;
    spans.push_back({{"from_ms", (from + static_cast<std::int64_t>(at)) * 1000},
                     {"to_ms", (from + static_cast<std::int64_t>(end)) * 1000},
                     {"state", daemon::ledger::to_string(state)}});
    at = end;
  }
  return spans;
}

void print_json(const CoverageOptions& options, const History& history) {
  nlohmann::json all = {{"stream", options.stream},
                        {"from_ms", history.from * 1000},
                        {"to_ms", history.to * 1000},
                        {"seconds", history.to - history.from}};
  for (const auto& [modality, letters] : history.letters) {
    const StateSeconds seconds = count_states(letters);
    nlohmann::json one;
    for (std::size_t i = 0; i < seconds.size(); ++i)
      one["seconds"][daemon::ledger::to_string(static_cast<Coverage>(i))] = seconds[i];
    one["spans"] = spans_of(letters, history.from);
    all["modalities"][daemon::ledger::to_string(modality)] = std::move(one);
  }
  std::printf("%s\n", all.dump(2).c_str());
}

std::size_t columns_of(const CoverageOptions& options, bool terminal) {
  if (options.width > 0) return static_cast<std::size_t>(options.width);
  constexpr std::size_t kIndent = 7, kUsual = 60;
  winsize size{};
  if (!terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col <= kIndent) return kUsual;
  return size.ws_col - kIndent;
}

void print_chart(const CoverageOptions& options, const History& history) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const std::size_t seconds = static_cast<std::size_t>(history.to - history.from);
  const std::size_t columns = std::min(columns_of(options, terminal), seconds);
  const auto moment = [](std::int64_t second) {
    return sinks::redis::coverage_day(second) + " " + clock_time(second * 1000).substr(0, 8);
  };
  std::printf("%s, %s to %s UTC, %.3g s a column\n", options.stream.c_str(), moment(history.from).c_str(),
              moment(history.to).c_str(), static_cast<double>(seconds) / static_cast<double>(columns));
  for (const auto& [modality, letters] : history.letters) {
    std::printf("%s  %s\n       %s\n", daemon::ledger::to_string(modality),
                bar(letters, columns, terminal).c_str(), legend(letters, terminal).c_str());
  }
}

ExitCode run_coverage(const CoverageOptions& options) {
  if (!sinks::is_stream_id(options.stream)) {
    throw CommandError(ExitCode::kUsage,
                       "STREAM must be 1 to 64 of a-z, 0-9, _ and -, not \"" + options.stream + "\"");
  }
  sinks::redis::Reader reader = open_reader(options.redis);
  const History history = read_history(reader, options);
  options.json ? print_json(options, history) : print_chart(options, history);
  return ExitCode::kDone;
}

}  // namespace

void add_coverage(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("coverage", "Show when a stream was watched, and why not");
  auto options = std::make_shared<CoverageOptions>();
  add_redis_option(*command, options->redis);
  command->add_option("STREAM", options->stream, "Which stream")->required();
  command
      ->add_option("--since", options->since, "Begin there: 10m (ago), 2026-01-31T12:00:00Z, or milliseconds")
      ->capture_default_str();
  command->add_option("--until", options->until, "End there; otherwise now, that is 5 s ago");
  command->add_option("--width", options->width, "Columns of the bar; otherwise as the terminal has")
      ->check(CLI::Range(1, 1000));
  command->add_flag("--json", options->json, "Seconds by state, and every span, as JSON");
  command->callback([options, &action] { action = [options] { return run_coverage(*options); }; });
}

}  // namespace vedette::cli
