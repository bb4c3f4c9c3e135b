#include "models/vision/vision_config.h"

namespace vedette::models::vision {

namespace {

using backend::Activation;
using layers::EncoderBlockNames;

constexpr EncoderBlockNames kClipBlock = {.attention_norm = "layer_norm1",
                                          .query = "self_attn.q_proj",
                                          .key = "self_attn.k_proj",
                                          .value = "self_attn.v_proj",
                                          .out = "self_attn.out_proj",
                                          .ffn_norm = "layer_norm2",
                                          .fc1 = "mlp.fc1",
                                          .fc2 = "mlp.fc2"};
constexpr EncoderBlockNames kVitBlock = {.attention_norm = "layernorm_before",
                                         .query = "attention.attention.query",
                                         .key = "attention.attention.key",
                                         .value = "attention.attention.value",
                                         .out = "attention.output.dense",
                                         .ffn_norm = "layernorm_after",
                                         .fc1 = "intermediate.dense",
                                         .fc2 = "output.dense"};

constexpr VisionNames kVit = {.patch = "embeddings.patch_embeddings.projection",
                              .position = "embeddings.position_embeddings",
                              .final_norm = "layernorm",
                              .class_token = "embeddings.cls_token",
                              .blocks = "encoder.layer.",
                              .block = kVitBlock};
constexpr VisionNames kClip = {.patch = "embeddings.patch_embedding",
                               .position = "embeddings.position_embedding.weight",
                               .final_norm = "post_layernorm",
                               .class_token = "embeddings.class_embedding",
                               .pre_norm = "pre_layrnorm",
                               .block = kClipBlock};
constexpr VisionNames kSiglip = {.patch = "embeddings.patch_embedding",
                                 .position = "embeddings.position_embedding.weight",
                                 .final_norm = "post_layernorm",
                                 .block = kClipBlock};

// Where one class of the reference differs from another: its defaults and its parts.
struct Family {
  const char* type;
  VisionNames names;
  int hidden, ffn, heads, patch;
  const char* activation;
  double epsilon;
  bool patch_bias, shared_positions;
  Pooling pooling;
};

constexpr Family kFamilies[] = {
    {"vit", kVit, 768, 3072, 12, 16, "gelu", 1e-12, true, false, Pooling::kClassDense},
    {"clip_vision_model", kClip, 768, 3072, 12, 32, "quick_gelu", 1e-5, false, false, Pooling::kClassNorm},
    {"siglip_vision_model", kSiglip, 768, 3072, 12, 16, "gelu_pytorch_tanh", 1e-6, true, false,
     Pooling::kAttention},
    {"idefics3_vision", kSiglip, 1152, 3072, 16, 32, "gelu_pytorch_tanh", 1e-6, true, true, Pooling::kNone},
    {"smolvlm_vision", kSiglip, 1152, 3072, 16, 32, "gelu_pytorch_tanh", 1e-6, true, true, Pooling::kNone},
};

// One side, also where the config has both, which must then be equal.
int square_size(const weights::JsonObject& config, const char* key, int fallback, int most) {
  if (!config.is_array(key)) return config.size_or(key, fallback, most);
  const auto sides = config.reals(key);
  if (sides.size() != 2 || sides[0] != sides[1] || sides[0] < 1.0 || sides[0] > most) {
    config.fail(key, "one side, or two that are equal");
  }
  return static_cast<int>(sides[0]);
}

}  // namespace

Activation parse_activation(const weights::JsonObject& config, const char* key, const char* fallback) {
  const std::string name = config.text_or(key, fallback);
  if (name == "gelu") return Activation::kGeluErf;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") return Activation::kGeluTanh;
  if (name == "quick_gelu") return Activation::kGeluQuick;
  if (name == "silu" || name == "swish") return Activation::kSilu;
  config.fail(key, "gelu, gelu_pytorch_tanh, gelu_new, quick_gelu or silu");
}

VisionConfig parse_vision_config(const weights::JsonObject& config, const std::string& type) {
  const Family* family = nullptr;
  for (const Family& known : kFamilies) {
    if (type == known.type) family = &known;
  }
  if (family == nullptr) {
    config.fail("model_type", "a vision tower: vit, clip_vision_model, siglip_vision_model, idefics3_vision");
  }
  VisionConfig result;
  result.names = family->names;
  result.sizes.hidden = config.size_or("hidden_size", family->hidden, 1 << 16);
  result.sizes.ffn = config.size_or("intermediate_size", family->ffn, 1 << 18);
  result.sizes.heads = config.size_or("num_attention_heads", family->heads, 1024);
  if (result.sizes.hidden % result.sizes.heads != 0) {
    config.fail("num_attention_heads", "a divisor of " + std::to_string(result.sizes.hidden));
  }
  result.sizes.epsilon = static_cast<float>(config.positive_or("layer_norm_eps", family->epsilon));
  result.sizes.activation = parse_activation(config, "hidden_act", family->activation);
  result.layers = config.size_or("num_hidden_layers", 12, 1024);
  result.channels = config.size_or("num_channels", 3, 3);
  if (result.channels != 3) config.fail("num_channels", "3");
  result.image_size = square_size(config, "image_size", 224, 1 << 14);
  result.patch = square_size(config, "patch_size", family->patch, 1 << 12);
  if (result.grid() < 1) config.fail("patch_size", "at most image_size");
  result.patch_bias = family->patch_bias;
  result.shared_positions = family->shared_positions;
  result.pooling = family->pooling;
  result.names.block.qkv_bias = config.flag_or("qkv_bias", true);
  if (result.pooling == Pooling::kAttention && !config.flag_or("vision_use_head", true)) {
    result.pooling = Pooling::kNone;
  }
  return result;
}

}  // namespace vedette::models::vision
