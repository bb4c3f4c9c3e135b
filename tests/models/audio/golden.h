#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/audio/speech_decoding.h"
#include "models/audio/speech_model.h"
#include "models/backend/context.h"
#include "models/backend/cpu/cpu_backend.h"
#include "models/weights/weight_table.h"
#include "tests/support/differences.h"

namespace vedette::models::audio {

using tests::max_difference;
using tests::normalised_error;

inline std::filesystem::path golden_folder(const std::string& name) {
  return std::filesystem::path(VEDETTE_SOURCE_DIR) / "tests/golden/whisper" / name;
}
inline const std::vector<std::string> kGoldenCases = {"english_80", "multilingual_128"};

// A golden model, loaded, with its inputs and what the reference gives for them.
struct GoldenModel {
  explicit GoldenModel(const std::string& name, tensor::DType dtype = tensor::DType::kF32, int threads = 2)
      : backend(backend::cpu::make_cpu_backend()),
        pool(threads),
        context(*backend, pool, dtype),
        model(context, golden_folder(name)),
        inputs(weights::WeightTable::open_file(golden_folder(name) / "inputs.safetensors")),
        outputs(weights::WeightTable::open_file(golden_folder(name) / "outputs.safetensors")) {}

  const WhisperSizes& sizes() const { return model.config().sizes; }
  std::int64_t batch() const { return inputs.get("input_features").view.shape()[0]; }
  std::int64_t length() const { return inputs.get("decoder_input_ids").view.shape()[1]; }

  // Encoder output of all windows, [batch * frames, hidden].
  tensor::Tensor encode() {
    const std::int64_t frames = inputs.get("input_features").view.shape()[2];
    const tensor::Tensor mel = inputs.read_f32("input_features", {batch(), sizes().mels, frames});
    tensor::Tensor turned(tensor::DType::kF32, {batch() * frames, sizes().mels});
    std::vector<backend::Matrix> windows;
    for (std::int64_t row = 0; row < batch(); ++row) {
      const auto count = static_cast<std::size_t>(sizes().mels * frames);
      windows.push_back(backend::Matrix(turned).row_range(row * frames, frames));
      transpose_mel(context, mel.as<float>().subspan(static_cast<std::size_t>(row) * count, count), frames,
                    windows.back());
    }
    tensor::Tensor features(tensor::DType::kF32, {batch() * frames / 2, sizes().hidden});
    model.encoder().forward(context, windows, features.view());
    return features;
  }

  std::vector<std::int32_t> integers(const weights::WeightTable& table, const std::string& name,
                                     std::int64_t row) const {
    const auto& view = table.get(name).view;
    const auto width = static_cast<std::size_t>(view.shape()[view.shape().rank() - 1]);
    const auto part = view.as<std::int64_t>().subspan(static_cast<std::size_t>(row) * width, width);
    return {part.begin(), part.end()};
  }

  std::unique_ptr<backend::Backend> backend;
  backend::WorkerPool pool;
  backend::ComputeContext context;
  SpeechModel model;
  weights::WeightTable inputs, outputs;
};

}  // namespace vedette::models::audio
