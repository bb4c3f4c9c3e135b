// vedette init: a configuration to begin with.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/log.h"
#include "cli/command.h"
#include "cli/example_config.h"
#include "daemon/settings/settings.h"

namespace vedette::cli {

namespace {

namespace settings = daemon::settings;

struct InitCommand {
  std::string file = "vedette.yaml";
  std::vector<std::string> streams;
};

// What is written must be good. Throws: CommandError saying what is not, without passwords.
settings::Settings check(const std::string& text, const std::string& name) {
  // A variable that is not set yet is for whoever fills the file in.
  const settings::Environment environment = [](const std::string& variable) -> std::optional<std::string> {
    return variable.starts_with("VEDETTE_") ? std::nullopt : std::optional<std::string>("word");
  };
  try {
    return settings::parse(text, name, environment);
  } catch (const settings::SettingsError& error) {
    const settings::Problem& first = error.problems().front();
    throw CommandError(ExitCode::kUsage, first.key + ": " + first.message);
  }
}

void write_new(const std::string& file, const std::string& text, bool has_password) {
  const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, has_password ? 0600 : 0644);
  if (out < 0) {
    throw CommandError(ExitCode::kFailed, errno == EEXIST ? file + " is there already, and stays as it is"
                                                          : file + ": " + std::strerror(errno));
  }
  const ssize_t written = write(out, text.data(), text.size());
  const bool good = close(out) == 0 && written == static_cast<ssize_t>(text.size());
  if (good) return;
  unlink(file.c_str());
  throw CommandError(ExitCode::kFailed, file + " cannot be written");
}

ExitCode run_init(InitCommand command) {
  if (command.file.find("://") != std::string::npos) {  // a stream stands where the file may
    command.streams.insert(command.streams.begin(), command.file);
    command.file = InitCommand().file;
  }
  ExampleStreams streams;
  for (const std::string& text : command.streams) streams.push_back(example_stream(text, streams.size() + 1));
  const std::string text = example_config(streams);
  const settings::Settings read = check(text, command.file);
  if (command.file == "-") {
    std::printf("%s", text.c_str());
    return ExitCode::kDone;
  }
  write_new(command.file, text, !read.warnings.empty());
  for (const std::string& warning : read.warnings) std::fprintf(stderr, "vedette: %s\n", warning.c_str());
  std::printf("%s is written. Next: vedette doctor --config %s\n", command.file.c_str(),
              command.file.c_str());
  return ExitCode::kDone;
}

}  // namespace

void add_init(CLI::App& app, Action& action) {
  auto command = std::make_shared<InitCommand>();
  CLI::App* init =
      app.add_subcommand("init", "Write a configuration to begin with, every key with its comment");
  init->add_option("FILE", command->file, "File that is not there yet; -: standard output")
      ->capture_default_str();
  init->add_option("STREAM", command->streams, "Sources to put in: URL, or ID=URL");
  init->callback([command, &action] { action = [command] { return run_init(*command); }; });
}

}  // namespace vedette::cli
