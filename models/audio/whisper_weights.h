#pragma once

#include <string>

#include "models/backend/backend.h"
#include "models/tensor/tensor.h"

namespace vedette::models::weights {
class WeightTable;
}

namespace vedette::models::audio {

// Gets a Whisper checkpoint's tensors by the names of the published files, with or without the leading
// "model.".
class WhisperWeights {
 public:
  explicit WhisperWeights(const weights::WeightTable& table);

  // The tensor as the file has it (f32, bf16 or f16), its shape checked.
  // Throws: std::runtime_error naming folder, tensor, expected and received; so do the others.
  tensor::TensorView view(const std::string& name, const tensor::Shape& shape) const;
  // The tensor as f32, owned.
  tensor::Tensor f32(const std::string& name, const tensor::Shape& shape) const;
  // "<name>.weight" [out, in] and, unless `bias` is false, "<name>.bias" [out].
  backend::LinearPart part(const std::string& name, std::int64_t out, std::int64_t in,
                           bool bias = true) const;
  bool contains(const std::string& name) const;

 private:
  const weights::WeightTable& table_;
  std::string prefix_;
};

struct LayerNormWeights {
  tensor::Tensor weight, bias;  // [columns] f32
};
LayerNormWeights load_layer_norm(const WhisperWeights& weights, const std::string& name,
                                 std::int64_t columns);

}  // namespace vedette::models::audio
