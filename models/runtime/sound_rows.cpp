#include "models/runtime/sound_rows.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/log.h"
#include "models/layers/named_weights.h"
#include "models/tensor/convert.h"
#include "models/weights/json_object.h"
#include "models/weights/weight_table.h"

namespace vedette::models::runtime {

using backend::Matrix;
using tensor::Tensor;
using weights::JsonObject;

namespace {

constexpr std::int64_t kMostWidth = 1 << 16;

// y: [2 * width], the mean of each value over the states, then its deviation as torch.std has it.
void pool_states(std::span<const float> states, std::size_t width, std::span<float> y) {
  const auto count = static_cast<double>(states.size() / width);
  for (std::size_t column = 0; column < width; ++column) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t at = column; at < states.size(); at += width) {
      const double value = static_cast<double>(states[at]);
      sum += value;
      squares += value * value;
    }
    const double mean = sum / count;
    y[column] = static_cast<float>(mean);
    y[width + column] = static_cast<float>(
        std::sqrt(std::max(0.0, (squares - count * mean * mean) / std::max(1.0, count - 1.0))));
  }
}

}  // namespace

SoundRows::SoundRows(backend::Backend& backend, backend::WorkerPool& pool, tensor::DType dtype,
                     const std::filesystem::path& folder, std::int64_t states, std::int64_t hidden)
    : context_(backend, pool, dtype) {
  const JsonObject config = JsonObject::open(folder / "config.json");
  if (config.text("model_type") != "pooled_mlp") config.fail("model_type", "pooled_mlp");
  width_ = config.size("in", kMostWidth);
  if (width_ != states) config.fail("in", "the speech model's " + std::to_string(states));
  states_per_row_ = config.size("states_per_row", 1500);
  most_rows_ = config.size("most_rows", 64);
  projector::ProjectorConfig layers;
  layers.in = 2 * width_;
  layers.hidden = config.integer_or("hidden", 0, 0, kMostWidth);
  layers.out = config.size("out", kMostWidth);
  if (layers.out != hidden) config.fail("out", "the language model's " + std::to_string(hidden));
  layers.norm = true;
  layers.epsilon = static_cast<float>(config.positive_or("layer_norm_eps", 1e-5));
  layers.activation = vision::parse_activation(config, "hidden_act", "gelu");
  const auto table = weights::WeightTable::open(folder);
  projector_ = std::make_unique<const projector::Projector>(context_, layers, layers::NamedWeights(table));
  table.release_memory();
}

Tensor SoundRows::project(const tensor::TensorView& states, std::int64_t first, std::int64_t count) {
  const auto& shape = states.shape();
  if (shape.rank() != 2 || shape[1] != width_ || first < 0 || count < 1 || first + count > shape[0]) {
    throw std::invalid_argument("sound projector: expected states of " + std::to_string(width_) +
                                ", received " + shape.to_string() + ", of it " + std::to_string(count) +
                                " from " + std::to_string(first));
  }
  // What is left of a row at the end says less than the whole ones; a sound shorter than one is its own.
  const std::int64_t each = std::min(count, states_per_row_);
  const std::int64_t rows = std::min(count / each, most_rows_);
  std::vector<float> values(static_cast<std::size_t>(rows * each * width_));
  tensor::to_f32(states.rows(first, rows * each), values);
  const std::lock_guard lock(mutex_);
  const backend::ScratchScope scope(context_.scratch());
  const Matrix pooled = context_.matrix(rows, 2 * width_);
  const auto width = static_cast<std::size_t>(width_), span = static_cast<std::size_t>(each) * width;
  for (std::int64_t row = 0; row < rows; ++row) {
    pool_states(std::span(values).subspan(static_cast<std::size_t>(row) * span, span), width,
                {pooled.row(row), 2 * width});
  }
  Tensor projected(tensor::DType::kF32, {rows, projector_->config().out});
  projector_->forward(context_, pooled, static_cast<int>(rows), 1, projected.view());
  context_.synchronize();
  return projected;
}

std::unique_ptr<SoundProjecting> load_sound_rows(backend::Backend& backend, backend::WorkerPool& pool,
                                                 tensor::DType dtype, const SightFolder& folder,
                                                 const SoundBases& bases) {
  if (folder.sound_projector.empty()) return nullptr;
  if (bases.hear != folder.hear_base) {
    base::log(base::LogLevel::kWarning, "models",
              folder.sound_projector.string() + " is for the speech model " + folder.hear_base + ", and " +
                  bases.hear + " hears: other sounds than words are not shown to the language model");
    return nullptr;
  }
  return std::make_unique<SoundRows>(backend, pool, dtype, folder.sound_projector, bases.states,
                                     bases.hidden);
}

}  // namespace vedette::models::runtime
