// vedette models inspect FOLDER: what a model folder holds.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/models.h"
#include "models/text/tokenizer.h"
#include "models/weights/file_map.h"
#include "models/weights/weight_table.h"

namespace vedette::cli {

namespace {

using models::weights::Weight;
using models::weights::WeightTable;
using nlohmann::json;

struct InspectOptions {
  std::string folder;
  bool tensors = false;
  bool json = false;
};

json read_config(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  json config = json::parse(models::weights::read_text_file(file), nullptr, false);
  if (!config.is_object()) throw std::runtime_error(file.string() + ": expected a JSON object");
  return config;
}

struct Total {
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
  std::size_t bytes = 0;
};

std::map<std::string, Total> totals_by_type(const WeightTable& table) {
  std::map<std::string, Total> totals;
  for (const auto& [name, weight] : table.all()) {
    const bool known = weight.unsupported.empty();
    Total& total = totals[known ? models::tensor::to_string(weight.view.dtype())
                                : "not read (" + weight.unsupported + ")"];
    total.tensors += 1;
    total.elements += known ? weight.view.count() : 0;
    total.bytes += known ? weight.view.bytes() : 0;
  }
  return totals;
}

void print_text(const std::filesystem::path& folder, const json& config, const WeightTable& table,
                bool tensors) {
  Total all;
  const auto totals = totals_by_type(table);
  for (const auto& [type, total] : totals) {
    all.tensors += total.tensors;
    all.elements += total.elements;
    all.bytes += total.bytes;
  }
  const json model_type = config.value("model_type", json());
  const std::string type_name = model_type.is_string() ? model_type.get<std::string>() : "no model_type";
  std::printf("%s: %s, %lld tensors, %.1f million parameters, %.1f MB\n", folder.c_str(), type_name.c_str(),
              static_cast<long long>(all.tensors), static_cast<double>(all.elements) / 1e6,
              static_cast<double>(all.bytes) / 1e6);
  for (const auto& [type, total] : totals) {
    std::printf("  %s: %lld tensors, %.1f MB\n", type.c_str(), static_cast<long long>(total.tensors),
                static_cast<double>(total.bytes) / 1e6);
  }
  for (const auto& [key, value] : config.items()) {
    if (value.is_primitive()) std::printf("  %s = %s\n", key.c_str(), value.dump().c_str());
  }
  if (!tensors) return;
  for (const auto& [name, weight] : table.all()) {
    std::printf("  %s %s %s\n", name.c_str(),
                weight.unsupported.empty() ? models::tensor::to_string(weight.view.dtype())
                                           : weight.unsupported.c_str(),
                weight.view.shape().to_string().c_str());
  }
}

json to_json(const std::filesystem::path& folder, const json& config, const WeightTable& table) {
  json tensors = json::array();
  for (const auto& [name, weight] : table.all()) {
    json entry = {{"name", name}, {"file", weight.file.filename().string()}, {"offset", weight.offset}};
    if (weight.unsupported.empty()) {
      entry["dtype"] = models::tensor::to_string(weight.view.dtype());
      entry["shape"] = json(std::vector<std::int64_t>(weight.view.shape().extents().begin(),
                                                      weight.view.shape().extents().end()));
    } else {
      entry["unsupported"] = weight.unsupported;
    }
    tensors.push_back(std::move(entry));
  }
  return {{"folder", folder.string()}, {"config", config}, {"tensors", std::move(tensors)}};
}

ExitCode inspect(const InspectOptions& options) {
  const auto folder = model_folder(options.folder);
  const json config = read_config(folder);
  const WeightTable table = WeightTable::open(folder);
  const bool has_tokenizer = std::filesystem::exists(folder / "tokenizer.json");
  const int tokens = has_tokenizer ? models::text::Tokenizer::load(folder).size() : 0;
  if (options.json) {
    json shown = to_json(folder, config, table);
    if (has_tokenizer) shown["tokenizer_size"] = tokens;
    std::printf("%s\n", shown.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return ExitCode::kDone;
  }
  print_text(folder, config, table, options.tensors);
  if (has_tokenizer) std::printf("  tokenizer.json: %d tokens\n", tokens);
  return ExitCode::kDone;
}

}  // namespace

void add_models_inspect(CLI::App& models, Action& action) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = models.add_subcommand("inspect", "Shows a model folder's config, sizes and tensors");
  command->add_option("FOLDER", options->folder, "Model folder, or the name of a fetched model")->required();
  command->add_flag("--tensors", options->tensors, "List every tensor");
  command->add_flag("--json", options->json, "Print one JSON object, tensors included");
  command->callback([options, &action] { action = [options] { return inspect(*options); }; });
}

}  // namespace vedette::cli
