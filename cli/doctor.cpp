// vedette doctor: does this machine have what the configuration needs?
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/redis_options.h"
#include "daemon/doctor/doctor.h"
#include "daemon/streams/pipeline.h"

namespace vedette::cli {

namespace {

namespace doctor = daemon::doctor;
namespace settings = daemon::settings;

struct DoctorCommand {
  std::string config = "/etc/vedette/vedette.yaml";
  bool json = false, no_streams = false;
  double seconds = 5;
};

// The package's configuration is looked at as its unit runs it: with the unit's folders.
settings::Environment environment_of(const std::string& config) {
  const auto process = settings::process_environment();
  if (!config.starts_with("/etc/vedette/")) return process;
  return [process](const std::string& name) -> std::optional<std::string> {
    if (auto value = process(name)) return value;
    if (name == "STATE_DIRECTORY") return "/var/lib/vedette";
    if (name == "XDG_CACHE_HOME") return "/var/cache";
    return std::nullopt;
  };
}

void print(const doctor::Finding& finding) {
  std::printf("%-8s %s: %s\n", doctor::to_string(finding.level), printable(finding.subject).c_str(),
              printable(finding.text).c_str());
  if (!finding.todo.empty()) std::printf("         -> %s\n", printable(finding.todo).c_str());
  std::fflush(stdout);
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

ExitCode run_doctor(const DoctorCommand& command) {
  daemon::streams::start_gstreamer();
  doctor::DoctorOptions options;
  options.look = std::chrono::milliseconds(static_cast<std::int64_t>(command.seconds * 1000));
  options.streams = !command.no_streams;
  nlohmann::json findings = nlohmann::json::array();
  std::array<std::size_t, 3> counts{};
  doctor::examine(command.config, environment_of(command.config), options,
                  [&](const doctor::Finding& finding) {
                    ++counts[static_cast<std::size_t>(finding.level)];
                    if (!command.json) return print(finding);
                    nlohmann::json one = {{"level", doctor::to_string(finding.level)},
                                          {"subject", finding.subject},
                                          {"text", finding.text}};
                    if (!finding.todo.empty()) one["do"] = finding.todo;
                    findings.push_back(std::move(one));
                  });
  const bool well = counts[static_cast<std::size_t>(doctor::Level::kProblem)] == 0;
  if (command.json) {
    const nlohmann::json all = {{"ok", well}, {"findings", findings}};
    std::printf("%s\n", all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s, %s, %zu ok\n", counted(counts[2], "problem").c_str(),
                counted(counts[1], "warning").c_str(), counts[0]);
  }
  return well ? ExitCode::kDone : ExitCode::kFailed;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "Check that this machine has what a configuration needs: streams, Redis, models, disk, memory");
  auto options = std::make_shared<DoctorCommand>();
  command->add_option("--config", options->config, "Configuration file")->capture_default_str();
  command->add_flag("--no-streams", options->no_streams, "Connect to no stream");
  command->add_option("--seconds", options->seconds, "Longest look at each stream")
      ->check(CLI::Range(1.0, 300.0))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer("Exit code: 0 there is no problem; 1 there is one; 2 the command line is wrong.");
  command->callback([options, &action] { action = [options] { return run_doctor(*options); }; });
}

}  // namespace vedette::cli
