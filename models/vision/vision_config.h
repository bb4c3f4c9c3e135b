#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "models/layers/encoder_block.h"
#include "models/weights/json_object.h"

namespace vedette::models::vision {

// What a family calls its tensors, below the checkpoint's prefix.
struct VisionNames {
  const char *patch, *position, *final_norm;  // modules or, of position, the tensor
  const char* class_token = nullptr;          // null: the family has none
  const char* pre_norm = nullptr;
  const char* blocks = "encoder.layers.";
  layers::EncoderBlockNames block{};
};

// What one vector per picture is made of.
enum class Pooling : std::uint8_t {
  kNone,
  kClassDense,  // tanh(dense(first token)): ViT
  kClassNorm,   // the final norm of the first token, while hidden states have none: CLIP
  kAttention,   // a learned query attends to all tokens: SigLIP
};

// A vision tower as its config.json describes it, with the defaults of its class filled in.
struct VisionConfig {
  layers::EncoderSizes sizes;
  int layers = 12;
  int channels = 3;      // num_channels
  int image_size = 224;  // of the positions that the checkpoint has
  int patch = 16;
  bool patch_bias = true;
  // Positions by the share of the picture (Idefics3), instead of interpolated for other grids.
  bool shared_positions = false;
  Pooling pooling = Pooling::kNone;
  VisionNames names{};

  int grid() const { return image_size / patch; }  // patches of one side
  std::int64_t patch_values() const { return static_cast<std::int64_t>(channels) * patch * patch; }
};

// A vision tower's own config object; `type` is its model_type: vit, clip_vision_model, siglip_vision_model,
// idefics3_vision, smolvlm_vision. Throws: std::runtime_error naming file, key, expected and received.
VisionConfig parse_vision_config(const weights::JsonObject& config, const std::string& type);

// hidden_act as ops know it. Throws: as parse_vision_config, for one that is unknown.
backend::Activation parse_activation(const weights::JsonObject& config, const char* key,
                                     const char* fallback);

}  // namespace vedette::models::vision
