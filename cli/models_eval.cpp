// vedette models eval | bench FOLDER: a model folder run on named tensors, or for its speed.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/models.h"
#include "models/runtime/eval.h"

namespace vedette::cli {

namespace {

using models::tensor::DType;

// What both take.
struct RunOptions {
  std::string folder;
  std::string dtype;
  int threads = 0;

  std::optional<DType> type() const {
    if (dtype == "f32") return DType::kF32;
    if (dtype == "bf16") return DType::kBF16;
    return std::nullopt;
  }
};

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("FOLDER", options.folder, "Model folder, or the name of a fetched model")->required();
  command
      .add_option("--dtype", options.dtype, "Of the computation; when not given, what the processor prefers")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command.add_option("--threads", options.threads, "Workers; 0: one per core")->check(CLI::Range(0, 1024));
}

struct EvalOptions : RunOptions {
  std::string inputs;
  std::string outputs;
  int generate = 0;
};

ExitCode eval(const EvalOptions& options) {
  const auto folder = model_folder(options.folder);
  models::runtime::EvalOptions eval;
  eval.dtype = options.type();
  eval.generate = options.generate;
  eval.threads = options.threads;
  models::runtime::eval_folder(folder, options.inputs, options.outputs, eval);
  return ExitCode::kDone;
}

struct BenchOptions : RunOptions {
  int repeats = 5;
  bool json = false;
};

ExitCode bench(const BenchOptions& options) {
  const auto folder = model_folder(options.folder);
  models::runtime::BenchOptions bench;
  bench.dtype = options.type();
  bench.threads = options.threads;
  bench.repeats = options.repeats;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& result : models::runtime::bench_folder(folder, bench)) {
    if (options.json) {
      list.push_back({{"name", result.name},
                      {"median", result.median},
                      {"low", result.low},
                      {"high", result.high},
                      {"unit", result.unit}});
    } else {
      std::printf("%-40s %10.2f %s  (%.2f to %.2f)\n", result.name.c_str(), result.median, result.unit,
                  result.low, result.high);
    }
  }
  if (options.json) std::printf("%s\n", list.dump().c_str());
  return ExitCode::kDone;
}

}  // namespace

void add_models_eval(CLI::App& models, Action& action) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      models.add_subcommand("eval", "Runs a model folder on named tensors (transformers' argument names)");
  add_run_options(*command, *options);
  command->add_option("--inputs", options->inputs, "safetensors file with input_ids, input_features, ...")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--outputs", options->outputs, "safetensors file to write: logits, greedy_tokens, ...")
      ->required();
  command->add_option("--generate", options->generate, "Greedy tokens to add as greedy_tokens")
      ->check(CLI::Range(0, 1 << 20));
  command->callback([options, &action] { action = [options] { return eval(*options); }; });
}

void add_models_bench(CLI::App& models, Action& action) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = models.add_subcommand("bench", "Measures a model folder's speed: medians and ranges");
  add_run_options(*command, *options);
  command->add_option("--repeats", options->repeats, "Times that each measurement is made")
      ->check(CLI::Range(1, 1000));
  command->add_flag("--json", options->json, "Print one JSON array");
  command->callback([options, &action] { action = [options] { return bench(*options); }; });
}

}  // namespace vedette::cli
