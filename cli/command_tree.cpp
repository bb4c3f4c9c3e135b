// vedette commands: all commands and options as JSON, for tools/manual, which makes the man pages and the
// shells' completion from it. Not shown by --help.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace vedette::cli {

namespace {

using nlohmann::ordered_json;

ordered_json describe(const CLI::Option& option) {
  ordered_json shown = {{"description", option.get_description()}};
  ordered_json names = ordered_json::array();
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  shown["names"] = std::move(names);
  if (option.get_positional()) shown["positional"] = option.get_name(true, false);
  shown["takes_value"] = option.get_items_expected_max() > 0;
  shown["many"] = option.get_items_expected_max() > 1;
  shown["required"] = option.get_required();
  shown["type"] = option.get_type_name();
  shown["default"] = option.get_default_str();
  shown["environment"] = option.get_envname();
  return shown;
}

ordered_json describe(const CLI::App& app) {
  ordered_json shown = {
      {"name", app.get_name()}, {"description", app.get_description()}, {"footer", app.get_footer()}};
  shown["options"] = ordered_json::array();
  for (const CLI::Option* option : app.get_options()) shown["options"].push_back(describe(*option));
  shown["commands"] = ordered_json::array();
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (!command->get_group().empty()) shown["commands"].push_back(describe(*command));
  }
  return shown;
}

}  // namespace

void add_commands(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("commands", "All commands and options as JSON");
  command->group("");
  command->callback([&app, &action] {
    action = [&app] {
      std::printf("%s\n", describe(app).dump(1).c_str());
      return ExitCode::kDone;
    };
  });
}

}  // namespace vedette::cli
