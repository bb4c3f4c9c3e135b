#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/backend/context.h"
#include "models/layers/encoder_block.h"
#include "models/weights/json_object.h"

namespace vedette::models::vision {

struct TextTowerConfig {
  layers::EncoderSizes sizes;
  int layers = 12;
  int vocabulary = 49408;
  int positions = 77;       // longest text
  bool causal = true;       // CLIP; SigLIP's tokens see each other all
  bool last_token = false;  // pooled at the last place (SigLIP), else at the end token
  std::int32_t end_token = 49407;
  int projection = 0;  // outputs of the head (SigLIP); 0: no head
};

// A text tower's own config object; `type` is clip_text_model or siglip_text_model.
// Throws: std::runtime_error naming file, key, expected and received.
TextTowerConfig parse_text_tower_config(const weights::JsonObject& config, const std::string& type);

// Texts of one length, padded. mask: [batch, length], 0 where padding is not to be seen; empty: all is seen.
struct TextBatch {
  std::span<const std::int32_t> ids;  // [batch, length]
  std::int64_t batch = 0, length = 0;
  std::span<const std::uint8_t> mask = {};
};

// The text encoder beside a vision tower: CLIP's and SigLIP's. Immutable; any thread may run it, each in its
// own context.
class TextTower {
 public:
  // Throws: std::runtime_error naming file, tensor, expected and received.
  TextTower(backend::ComputeContext& context, const TextTowerConfig& config,
            const layers::NamedWeights& weights);

  const TextTowerConfig& config() const { return config_; }
  std::int64_t pooled_columns() const {
    return config_.projection > 0 ? config_.projection : config_.sizes.hidden;
  }

  // hidden: [batch * length, hidden], after the final norm. Throws: std::invalid_argument for other shapes,
  // texts that are too long, or ids outside the vocabulary.
  void forward(backend::ComputeContext& context, const TextBatch& texts, backend::Matrix hidden) const;
  // y: [batch, pooled_columns()].
  void pool(backend::ComputeContext& context, const TextBatch& texts, backend::Matrix hidden,
            backend::Matrix y) const;

 private:
  void run_causal(backend::ComputeContext& context, const TextBatch& texts, backend::Matrix x) const;
  void run_both_ways(backend::ComputeContext& context, const TextBatch& texts, backend::Matrix x) const;
  std::int64_t pooled_place(const TextBatch& texts, std::int64_t row) const;

  TextTowerConfig config_;
  tensor::Tensor embedding_;  // [vocabulary, hidden] in the file's type
  tensor::Tensor positions_;  // [positions, hidden] f32
  std::vector<layers::EncoderBlock> blocks_;
  layers::NormWeights norm_;
  backend::PackedLinear head_;
};

}  // namespace vedette::models::vision
