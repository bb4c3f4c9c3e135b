#include "models/audio/whisper_weights.h"

#include "models/weights/weight_table.h"

namespace vedette::models::audio {

WhisperWeights::WhisperWeights(const weights::WeightTable& table)
    : table_(table), prefix_(table.contains("model.encoder.conv1.weight") ? "model." : "") {}

tensor::TensorView WhisperWeights::view(const std::string& name, const tensor::Shape& shape) const {
  return table_.get(prefix_ + name, shape).view;
}

tensor::Tensor WhisperWeights::f32(const std::string& name, const tensor::Shape& shape) const {
  return table_.read_f32(prefix_ + name, shape);
}

backend::LinearPart WhisperWeights::part(const std::string& name, std::int64_t out, std::int64_t in,
                                         bool bias) const {
  backend::LinearPart part;
  part.weight = view(name + ".weight", {out, in});
  if (bias) part.bias = view(name + ".bias", {out});
  return part;
}

bool WhisperWeights::contains(const std::string& name) const {
  return table_.contains(prefix_ + name);
}

LayerNormWeights load_layer_norm(const WhisperWeights& weights, const std::string& name,
                                 std::int64_t columns) {
  return {weights.f32(name + ".weight", {columns}), weights.f32(name + ".bias", {columns})};
}

}  // namespace vedette::models::audio
