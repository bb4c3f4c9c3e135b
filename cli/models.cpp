// vedette models ...: what is done with model folders.
#include "cli/models.h"

#include <CLI/CLI.hpp>

#include "daemon/settings/settings.h"

namespace vedette::cli {

std::filesystem::path model_folder(const std::string& name) {
  std::error_code error;
  if (std::filesystem::is_directory(name, error)) return name;
  const auto found = daemon::settings::find_model(name, {}, daemon::settings::process_environment());
  if (!found.empty()) return found;
  throw CommandError(ExitCode::kMissing,
                     name + ": there is no such model folder (tools/fetch-models gets the models)");
}

void add_models(CLI::App& app, Action& action) {
  CLI::App* models = app.add_subcommand("models", "Works with model folders");
  models->require_subcommand(1);
  add_models_import(*models, action);
  add_models_inspect(*models, action);
  add_models_eval(*models, action);
  add_models_bench(*models, action);
  add_models_mel(*models, action);
  add_models_tokenize(*models, action);
  add_models_render(*models, action);
}

}  // namespace vedette::cli
