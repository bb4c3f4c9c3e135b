#pragma once

#include "cli/command.h"

// The parts of `vedette models`, one file per kind of work.
namespace vedette::cli {

void add_models_import(CLI::App& models, Action& action);
void add_models_inspect(CLI::App& models, Action& action);
void add_models_tokenize(CLI::App& models, Action& action);
void add_models_render(CLI::App& models, Action& action);
void add_models_eval(CLI::App& models, Action& action);
void add_models_bench(CLI::App& models, Action& action);
void add_models_mel(CLI::App& models, Action& action);

// The folder that the command line means: a path, or the name of a fetched model.
// Throws: CommandError with kMissing, saying how to get one, when there is none.
std::filesystem::path model_folder(const std::string& name);

}  // namespace vedette::cli
