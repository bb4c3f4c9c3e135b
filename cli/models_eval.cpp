// vedette models eval FOLDER: a model folder run on named tensors, for comparison with its reference.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/models.h"
#include "models/runtime/eval.h"

namespace vedette::cli {

namespace {

struct EvalOptions {
  std::string folder;
  std::string inputs;
  std::string outputs;
  std::string dtype;
  int generate = 0;
  int threads = 0;
};

ExitCode eval(const EvalOptions& options) {
  const auto folder = model_folder(options.folder);
  models::runtime::EvalOptions eval;
  if (options.dtype == "f32") eval.dtype = models::tensor::DType::kF32;
  if (options.dtype == "bf16") eval.dtype = models::tensor::DType::kBF16;
  eval.generate = options.generate;
  eval.threads = options.threads;
  models::runtime::eval_folder(folder, options.inputs, options.outputs, eval);
  return ExitCode::kDone;
}

}  // namespace

void add_models_eval(CLI::App& models, Action& action) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      models.add_subcommand("eval", "Runs a model folder on named tensors (transformers' argument names)");
  command->add_option("FOLDER", options->folder, "Model folder, or the name of a fetched model")->required();
  command->add_option("--inputs", options->inputs, "safetensors file with input_ids, input_features, ...")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--outputs", options->outputs, "safetensors file to write: logits, greedy_tokens, ...")
      ->required();
  command
      ->add_option("--dtype", options->dtype,
                   "Of the computation; when not given, what the processor prefers")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command->add_option("--generate", options->generate, "Greedy tokens to add as greedy_tokens")
      ->check(CLI::Range(0, 1 << 20));
  command->add_option("--threads", options->threads, "Workers; 0: one per core")->check(CLI::Range(0, 1024));
  command->callback([options, &action] { action = [options] { return eval(*options); }; });
}

}  // namespace vedette::cli
