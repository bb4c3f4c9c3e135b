// vedette models mel FOLDER: samples to the log-mel picture that a speech model takes.
#include <CLI/CLI.hpp>
#include <array>
#include <memory>

#include "cli/models.h"
#include "models/audio/whisper_config.h"
#include "models/backend/worker_pool.h"
#include "models/preprocess/log_mel.h"
#include "models/weights/safetensors_writer.h"
#include "models/weights/weight_table.h"

namespace vedette::cli {

namespace {

namespace weights = models::weights;
using models::tensor::DType;
using models::tensor::Shape;
using models::tensor::Tensor;

struct MelOptions {
  std::string folder;
  std::string inputs;
  std::string outputs;
};

ExitCode mel(const MelOptions& options) {
  const auto sizes = models::audio::WhisperConfig::load(model_folder(options.folder)).sizes;
  models::preprocess::LogMelSpec spec;
  spec.mels = sizes.mels;
  spec.frames = 2 * sizes.audio_context;  // the encoder's second convolution halves them
  const models::preprocess::LogMel log_mel(spec);

  const auto table = weights::WeightTable::open_file(options.inputs);
  const Shape shape = table.get("samples").view.shape();
  if (shape.rank() != 1 && shape.rank() != 2) {
    throw std::runtime_error(options.inputs +
                             ": tensor samples: expected [samples] or [batch, samples], received " +
                             shape.to_string());
  }
  const Tensor samples = table.read_f32("samples", shape);
  const std::int64_t batch = shape.rank() == 2 ? shape[0] : 1;
  const auto length = static_cast<std::size_t>(shape[shape.rank() - 1]);
  const Tensor features(DType::kF32, {batch, spec.mels, spec.frames});
  const auto one = static_cast<std::size_t>(spec.mels) * static_cast<std::size_t>(spec.frames);
  models::backend::WorkerPool pool;
  for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i) {
    log_mel.compute(pool, samples.as<float>().subspan(i * length, length),
                    features.as<float>().subspan(i * one, one));
  }
  const std::array<weights::NamedTensor, 1> result{{{"input_features", features.view()}}};
  weights::write_safetensors(options.outputs, result);
  return ExitCode::kDone;
}

}  // namespace

void add_models_mel(CLI::App& models, Action& action) {
  auto options = std::make_shared<MelOptions>();
  CLI::App* command = models.add_subcommand("mel", "Makes a speech model's input_features from samples");
  command->add_option("FOLDER", options->folder, "Model folder, or the name of a fetched model")->required();
  command
      ->add_option("--inputs", options->inputs,
                   "safetensors file with samples, f32, 16 kHz: [samples] or [batch, samples]")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--outputs", options->outputs, "safetensors file to write: input_features")->required();
  command->callback([options, &action] { action = [options] { return mel(*options); }; });
}

}  // namespace vedette::cli
