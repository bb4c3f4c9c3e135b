// The `vedette` command: one subcommand, one file.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "cli/command.h"

namespace vedette::cli {

namespace {

ExitCode run(int argc, char** argv) {
  CLI::App app("Watches and listens to live streams, and says in words what happens.", "vedette");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("vedette ") + VEDETTE_VERSION);
  Action action;
  add_ask(app, action);
  add_caption(app, action);
  add_check(app, action);
  add_commands(app, action);
  add_coverage(app, action);
  add_doctor(app, action);
  add_eval(app, action);
  add_init(app, action);
  add_models(app, action);
  add_probe(app, action);
  add_streams(app, action);
  add_tail(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? ExitCode::kDone : ExitCode::kUsage;  // --help and --version come here too
  }
  try {
    return action();
  } catch (const CommandError& error) {
    std::fprintf(stderr, "vedette: %s\n", error.what());
    return error.code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vedette: %s\n", error.what());
    return ExitCode::kFailed;
  }
}

}  // namespace
}  // namespace vedette::cli

int main(int argc, char** argv) {
  return static_cast<int>(vedette::cli::run(argc, argv));
}
