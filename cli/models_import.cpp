// vedette models import SRC DST: a Hugging Face folder from a GGUF file or a CTranslate2 folder.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/models.h"
#include "models/weights/import.h"

namespace vedette::cli {

namespace {

struct ImportOptions {
  std::string source;
  std::string folder;
  bool json = false;
};

ExitCode import(const ImportOptions& options) {
  if (!std::filesystem::exists(options.source)) {
    throw CommandError(ExitCode::kMissing, options.source + ": there is no such file or folder");
  }
  const auto summary = models::weights::import_model(options.source, options.folder);
  if (options.json) {
    const nlohmann::json line = {{"folder", options.folder},
                                 {"format", summary.format},
                                 {"model_type", summary.model_type},
                                 {"tensors", summary.tensors},
                                 {"bytes", summary.bytes}};
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s: %s from %s, %zu tensors, %.1f MB\n", options.folder.c_str(), summary.model_type.c_str(),
                summary.format.c_str(), summary.tensors, static_cast<double>(summary.bytes) / 1e6);
  }
  return ExitCode::kDone;
}

}  // namespace

void add_models_import(CLI::App& models, Action& action) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command =
      models.add_subcommand("import", "Makes a model folder from a GGUF file or a CTranslate2 folder");
  command->add_option("SRC", options->source, "GGUF file, or folder with model.bin or one .gguf")->required();
  command->add_option("DST", options->folder, "Folder to make; must not exist or be empty")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &action] { action = [options] { return import(*options); }; });
}

}  // namespace vedette::cli
