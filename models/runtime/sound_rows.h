#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "models/backend/context.h"
#include "models/projector/projector.h"
#include "models/runtime/sight_model.h"
#include "models/runtime/sound_projecting.h"

namespace vedette::models::runtime {

// The sound projector of vedette-nano: mean and deviation of half a second of encoder states at a time, then
// a linear layer or an MLP. Read from a folder with `config.json` (`model_type: pooled_mlp`) and
// `model.safetensors`.
class SoundRows final : public SoundProjecting {
 public:
  // `states` and `hidden`: the widths of the speech model's encoder and of the language model. Backend and
  // pool must outlive it. Throws: std::runtime_error naming the file and what is wrong with it.
  SoundRows(backend::Backend& backend, backend::WorkerPool& pool, tensor::DType dtype,
            const std::filesystem::path& folder, std::int64_t states, std::int64_t hidden);

  tensor::Tensor project(const tensor::TensorView& states, std::int64_t first, std::int64_t count) override;

 private:
  std::int64_t width_ = 0;           // of a state
  std::int64_t states_per_row_ = 0;  // that are pooled
  std::int64_t most_rows_ = 0;
  std::mutex mutex_;  // guards context_
  backend::ComputeContext context_;
  std::unique_ptr<const projector::Projector> projector_;
};

// The models that a sound projector stands between.
struct SoundBases {
  std::string hear;                     // name of the speech model that is loaded
  std::int64_t states = 0, hidden = 0;  // widths, as above
};
// That of the folder; null when it has none, or has it for another speech model, which the log says.
std::unique_ptr<SoundProjecting> load_sound_rows(backend::Backend& backend, backend::WorkerPool& pool,
                                                 tensor::DType dtype, const SightFolder& folder,
                                                 const SoundBases& bases);

}  // namespace vedette::models::runtime
