#include "cli/load_models.h"

#include "cli/command.h"
#include "daemon/settings/settings.h"

namespace vedette::cli {

namespace {

models::runtime::DeviceChoice device_of(const std::string& name) {
  using models::runtime::DeviceChoice;
  return name == "cuda" ? DeviceChoice::kCuda : name == "cpu" ? DeviceChoice::kCpu : DeviceChoice::kAuto;
}

// Throws: CommandError (kMissing) saying where it was looked for.
std::filesystem::path find_folder(const std::string& name) {
  const auto environment = daemon::settings::process_environment();
  const daemon::settings::ModelSettings models;
  const auto folder = daemon::settings::find_model(name, models, environment);
  if (!folder.empty()) return folder;
  throw CommandError(ExitCode::kMissing, daemon::settings::no_model(name, models, environment) +
                                             " (tools/fetch-models gets the models)");
}

}  // namespace

LoadedModels load_models(const ModelNames& names, const std::string& device, int threads) {
  models::runtime::RuntimeOptions options;
  if (!names.hear.empty()) options.hear = find_folder(names.hear);
  if (!names.see.empty()) options.see = find_folder(names.see);
  if (!names.think.empty()) options.think = find_folder(names.think);
  options.threads = threads;
  options.device = device_of(device);
  LoadedModels loaded;
  try {
    loaded.runtime = models::runtime::Runtime::load(options);
  } catch (const models::runtime::DeviceError& error) {
    throw CommandError(ExitCode::kMissing, error.what());
  }
  loaded.parts = std::make_unique<daemon::narration::SightParts>(*loaded.runtime, options.see);
  return loaded;
}

}  // namespace vedette::cli
