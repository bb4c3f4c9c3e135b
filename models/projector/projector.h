#pragma once

#include <cstdint>
#include <optional>

#include "models/backend/context.h"
#include "models/layers/named_weights.h"

namespace vedette::models::projector {

struct ProjectorConfig {
  int shuffle = 1;          // pixel shuffle: squares of shuffle x shuffle patches become one token
  std::int64_t in = 0;      // values of a patch
  std::int64_t hidden = 0;  // of an MLP with one layer inside; 0: linear
  std::int64_t out = 0;     // values of a token of the language model
  bool bias = true;
  bool norm = false;      // a layer norm before the first layer
  float epsilon = 1e-5F;  // of that
  backend::Activation activation = backend::Activation::kGeluErf;
  // Names below the checkpoint's prefix: of the norm, and of the one or two layers.
  const char *norm_name = "layer_norm", *first_name = "linear_1", *second_name = "linear_2";

  std::int64_t shuffled() const { return in * shuffle * shuffle; }
};

// Turns a vision encoder's hidden states into tokens of a language model: linear, or an MLP (LLaVA, Liu et
// al. 2023), each with or without a pixel shuffle before it (in Idefics3's order). Immutable; any thread may
// run it, each in its own context.
class Projector {
 public:
  // Throws: std::runtime_error naming file, tensor, expected and received.
  Projector(backend::ComputeContext& context, const ProjectorConfig& config,
            const layers::NamedWeights& weights);

  const ProjectorConfig& config() const { return config_; }
  // Tokens of a picture of rows x columns patches. Throws: std::invalid_argument when the shuffle does not
  // divide them.
  std::int64_t tokens(int rows, int columns) const;

  // x: [rows * columns, in], y: [tokens(rows, columns), out]. Throws: std::invalid_argument for other shapes.
  void forward(backend::ComputeContext& context, backend::Matrix x, int rows, int columns,
               backend::Matrix y) const;

 private:
  ProjectorConfig config_;
  layers::NormWeights norm_;
  backend::PackedLinear first_, second_;
};

// Idefics3's order: a token's values are its square's patches, row by row.
void pixel_shuffle(backend::ComputeContext& context, backend::Matrix x, int rows, int columns, int shuffle,
                   backend::Matrix y);

}  // namespace vedette::models::projector
