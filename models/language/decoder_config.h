#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "models/ops/rope.h"

namespace vedette::models::language {

// What a decoder's config.json says, with the defaults of its class filled in (LlamaConfig's).
struct DecoderConfig {
  std::int64_t vocabulary = 32000;    // vocab_size
  std::int64_t hidden = 4096;         // hidden_size
  std::int64_t intermediate = 11008;  // intermediate_size
  int layers = 32;                    // num_hidden_layers
  int heads = 32;                     // num_attention_heads
  int kv_heads = 32;                  // num_key_value_heads; absent: as heads
  int head_dim = 128;                 // absent: hidden / heads
  float rms_epsilon = 1e-6F;          // rms_norm_eps
  std::int64_t context = 2048;        // max_position_embeddings, tokens
  bool tied_embeddings = false;       // tie_word_embeddings
  bool own_head = false;              // it is said to be false: there must be a head of its own
  bool attention_bias = false, mlp_bias = false;
  std::string prefix = "model.";         // of its tensors' names, the head's excepted
  ops::RopeFrequencies rope;             // of rope_parameters, or rope_theta and rope_scaling
  std::vector<std::int32_t> end_tokens;  // eos_token_id

  std::int64_t query_columns() const { return static_cast<std::int64_t>(heads) * head_dim; }
  std::int64_t kv_columns() const { return static_cast<std::int64_t>(kv_heads) * head_dim; }
};

// From the text of a config.json; `file` opens the messages.
// Throws: std::runtime_error naming file, key, expected and received, also for what Vedette cannot run.
DecoderConfig parse_decoder_config(std::string_view json, const std::string& file);
// eos_token_id of a config's text: one id or a list; empty when it has none. Throws: as parse_decoder_config.
std::vector<std::int32_t> parse_end_tokens(std::string_view json, const std::string& file,
                                           std::int64_t vocabulary);
// Of a folder's config.json; of a vision-language model (idefics3, smolvlm) the decoder inside it.
DecoderConfig load_decoder_config(const std::filesystem::path& folder);

}  // namespace vedette::models::language
