#include <nlohmann/json.hpp>

#include "daemon/doctor/access.h"
#include "daemon/doctor/checks.h"
#include "models/text/tokenizer.h"
#include "models/weights/file_map.h"
#include "models/weights/weight_table.h"

namespace vedette::daemon::doctor {

namespace {

namespace fs = std::filesystem;

bool has_weights(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".safetensors") return true;
  return false;
}

struct Opened {
  std::string type;
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;
};

void open_weights(const fs::path& folder, Opened& opened) {
  const auto table = models::weights::WeightTable::open(folder);
  for (const auto& [name, weight] : table.all()) {
    ++opened.tensors;
    if (weight.unsupported.empty()) opened.bytes += weight.view.bytes();
  }
}

// Reads what a folder says of itself, and the table of its tensors, which must lie inside of its files; of a
// folder of parts (vedette-nano) each part's. Throws: std::runtime_error naming the file.
Opened open_folder(const fs::path& folder) {
  Opened opened;
  const auto config =
      nlohmann::json::parse(models::weights::read_text_file(folder / "config.json"), nullptr, false);
  if (!config.is_object())
    throw std::runtime_error((folder / "config.json").string() + ": expected a JSON object");
  if (const auto type = config.find("model_type"); type != config.end() && type->is_string())
    opened.type = type->get<std::string>();
  if (has_weights(folder)) open_weights(folder, opened);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && has_weights(entry.path())) open_weights(entry.path(), opened);
  }
  if (opened.tensors == 0) throw std::runtime_error(folder.string() + ": there are no *.safetensors files");
  if (fs::exists(folder / "tokenizer.json")) static_cast<void>(models::text::Tokenizer::load(folder));
  return opened;
}

std::uint64_t check_model(const std::string& role, const std::string& name,
                          const settings::ModelSettings& models, const settings::Environment& environment,
                          const Tell& tell) {
  const std::string subject = "model " + role;
  if (name == "none") {
    tell({Level::kOk, subject, "none is wanted", ""});
    return 0;
  }
  const fs::path folder = settings::find_model(name, models, environment);
  if (folder.empty()) {
    tell({Level::kProblem, subject, settings::no_model(name, models, environment),
          "vedette-fetch-models gets the models (of the service: with --system); or models." + role +
              ": none"});
    return 0;
  }
  if (service_may_read(folder) == false) {
    tell({Level::kProblem, subject,
          "the user " + std::string(kServiceUser) + " may not read " + folder.string(),
          "chmod -R a+rX " + folder.string()});
    return 0;
  }
  try {
    const Opened opened = open_folder(folder);
    tell({Level::kOk, subject,
          folder.string() + ": " + opened.type + ", " + std::to_string(opened.tensors) + " tensors, " +
              bytes_text(opened.bytes),
          ""});
    return opened.bytes;
  } catch (const std::exception& error) {
    tell({Level::kProblem, subject, error.what(), "fetch or import it anew"});
    return 0;
  }
}

}  // namespace

std::uint64_t check_models(const settings::ModelSettings& models, const settings::Environment& environment,
                           const Tell& tell) {
  std::uint64_t bytes = check_model("hear", models.hear, models, environment, tell);
  // Pictures are told by the language model: without one nobody would read them.
  bytes += check_model("see", models.think == "none" ? "none" : models.see, models, environment, tell);
  return bytes + check_model("think", models.think, models, environment, tell);
}

}  // namespace vedette::daemon::doctor
