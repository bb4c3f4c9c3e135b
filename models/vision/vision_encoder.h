#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/backend/context.h"
#include "models/layers/encoder_block.h"
#include "models/vision/vision_config.h"

namespace vedette::models::vision {

// A picture as patches, row by row; each is [channels, patch, patch].
struct VisionImage {
  backend::Matrix patches;  // [rows * columns, channels * patch * patch]
  int rows = 0, columns = 0;
  // Which patches are picture and not padding; empty: all. Padding is attended to by nobody.
  std::span<const std::uint8_t> mask = {};
};

// The vision transformers of ViT (Dosovitskiy et al. 2020), CLIP (Radford et al. 2021), SigLIP (Zhai et al.
// 2023) and what stands on it, told apart by config. Immutable weights, packed once for the context's backend
// and dtype; forward may run on several contexts at once.
class VisionEncoder {
 public:
  // Throws: std::runtime_error naming file, tensor, expected and received.
  VisionEncoder(backend::ComputeContext& context, const VisionConfig& config,
                const layers::NamedWeights& weights);

  const VisionConfig& config() const { return config_; }
  // Rows of one picture's hidden states: its patches, and the class token before them.
  std::int64_t tokens(const VisionImage& image) const {
    return class_tokens() + static_cast<std::int64_t>(image.rows) * image.columns;
  }
  int class_tokens() const { return config_.names.class_token == nullptr ? 0 : 1; }

  // Encodes pictures of differing sizes. y: [sum of tokens, hidden], one picture behind the other: the last
  // hidden states as the reference gives them. Throws: std::invalid_argument for other shapes.
  void forward(backend::ComputeContext& context, std::span<const VisionImage> images,
               backend::Matrix y) const;

  bool can_pool() const { return pools_; }
  // One vector per picture out of the hidden states. y: [images, hidden]. Requires: can_pool().
  void pool(backend::ComputeContext& context, std::span<const VisionImage> images, backend::Matrix hidden,
            backend::Matrix y) const;

 private:
  struct AttentionHead {
    tensor::Tensor probe;  // [1, hidden]
    backend::PackedLinear query, key_value, out, fc1, fc2;
    layers::NormWeights norm;
  };

  void load_positions(const layers::NamedWeights& weights);
  void load_pooling(backend::ComputeContext& context, const layers::NamedWeights& weights);
  void check(std::span<const VisionImage> images, backend::Matrix y) const;
  void stem(backend::ComputeContext& context, const VisionImage& image, std::span<const int> order, int valid,
            backend::Matrix y) const;
  backend::Matrix grid_positions(backend::ComputeContext& context, const VisionImage& image) const;
  void finish(backend::ComputeContext& context, std::span<const int> order, backend::Matrix x,
              backend::Matrix y) const;
  void pool_by_attention(backend::ComputeContext& context, std::span<const VisionImage> images,
                         backend::Matrix hidden, backend::Matrix y) const;

  VisionConfig config_;
  backend::PackedLinear patch_;
  tensor::Tensor class_token_;  // [1, hidden], its position added
  tensor::Tensor positions_;    // [grid * grid, hidden]
  layers::NormWeights pre_norm_, final_norm_;
  std::vector<layers::EncoderBlock> blocks_;
  bool pools_ = false;
  backend::PackedLinear dense_;  // of kClassDense
  AttentionHead head_;
};

}  // namespace vedette::models::vision
