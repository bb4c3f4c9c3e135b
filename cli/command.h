#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

namespace CLI {
class App;
}

namespace vedette::cli {

// What the program ends with; scripts rely on the numbers.
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,    // the command line or the configuration
  kMissing = 3,  // a model or a dependency
};

// Ends the program with this code and message. Anything else that is thrown ends it with kFailed.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// What the command line asks for, run after it has been read whole. A subcommand's function adds its options
// to `app` and sets `action` when it is the chosen one.
using Action = std::function<ExitCode()>;

void add_ask(CLI::App& app, Action& action);       // vedette ask STREAM QUESTION
void add_caption(CLI::App& app, Action& action);   // vedette caption FILE
void add_check(CLI::App& app, Action& action);     // vedette check FILE
void add_commands(CLI::App& app, Action& action);  // vedette commands
void add_coverage(CLI::App& app, Action& action);  // vedette coverage STREAM
void add_doctor(CLI::App& app, Action& action);    // vedette doctor
void add_eval(CLI::App& app, Action& action);      // vedette eval MANIFEST
void add_init(CLI::App& app, Action& action);      // vedette init [FILE]
void add_models(CLI::App& app, Action& action);    // vedette models ...
void add_probe(CLI::App& app, Action& action);     // vedette probe SOURCE
void add_streams(CLI::App& app, Action& action);   // vedette streams
void add_tail(CLI::App& app, Action& action);      // vedette tail [STREAM]

}  // namespace vedette::cli
