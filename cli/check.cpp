// vedette check: is this configuration right?
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/command.h"
#include "daemon/settings/settings.h"

namespace vedette::cli {

namespace {

namespace settings = daemon::settings;

struct CheckOptions {
  std::string file;
  bool json = false;
};

nlohmann::json to_json(const std::vector<settings::Problem>& problems) {
  nlohmann::json list = nlohmann::json::array();
  for (const settings::Problem& problem : problems) {
    list.push_back({{"line", problem.line},
                    {"column", problem.column},
                    {"key", problem.key},
                    {"message", problem.message}});
  }
  return list;
}

void print_model(const char* role, const std::string& name, const settings::Settings& read) {
  if (name == "none") {
    std::printf("  %-7s none\n", role);
    return;
  }
  const auto folder = settings::find_model(name, read.models, settings::process_environment());
  std::printf("  %-7s %s (%s)\n", role, name.c_str(),
              folder.empty() ? "not found: tools/fetch-models gets it" : folder.c_str());
}

void print_summary(const std::string& file, const settings::Settings& read) {
  std::printf("%s: good\n", file.c_str());
  std::printf("  redis   %s\n", base::mask_secrets(read.redis).c_str());
  if (read.http_host.empty()) {
    std::printf("  http    off\n");
  } else {
    std::printf("  http    %s:%d%s\n", read.http_host.c_str(), read.http_port,
                read.http_token.empty() ? "" : " (with a token)");
  }
  print_model("hear", read.models.hear, read);
  print_model("see", read.models.see, read);
  print_model("think", read.models.think, read);
  for (const settings::StreamSettings& stream : read.streams) {
    const std::string& source = stream.source.empty() ? stream.pipeline : stream.source;
    std::printf("  stream  %s: %s\n", stream.id.c_str(), base::mask_secrets(source).c_str());
  }
  for (const std::string& warning : read.warnings) std::printf("  warning %s\n", warning.c_str());
}

ExitCode check(const CheckOptions& options) {
  try {
    const settings::Settings read = settings::load(options.file, settings::process_environment());
    if (options.json) {
      nlohmann::json shown = nlohmann::json::parse(settings::to_json(read));
      shown["ok"] = true;
      std::printf("%s\n", shown.dump().c_str());
    } else {
      print_summary(options.file, read);
    }
    return ExitCode::kDone;
  } catch (const settings::SettingsError& error) {
    if (!options.json) throw CommandError(ExitCode::kUsage, error.what());
    const nlohmann::json shown = {{"ok", false}, {"problems", to_json(error.problems())}};
    std::printf("%s\n", shown.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return ExitCode::kUsage;
  } catch (const std::exception& error) {
    throw CommandError(ExitCode::kUsage, error.what());
  }
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      app.add_subcommand("check", "Checks a configuration and says what is wrong with it, or what it says");
  command->add_option("FILE", options->file, "Configuration file")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &action] { action = [options] { return check(*options); }; });
}

}  // namespace vedette::cli
