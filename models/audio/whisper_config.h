#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vedette::models::audio {

// Sizes of the network, from config.json.
struct WhisperSizes {
  int mels = 80;     // num_mel_bins
  int hidden = 384;  // d_model
  int encoder_layers = 4, encoder_heads = 6, encoder_ffn = 1536;
  int decoder_layers = 4, decoder_heads = 6, decoder_ffn = 1536;
  int audio_context = 1500;  // max_source_positions: encoder frames of 20 ms
  int text_context = 448;    // max_target_positions
  int vocabulary = 51864;
  bool scale_embedding = false;  // token embeddings are multiplied by sqrt(hidden)
  bool tied_head = true;         // proj_out is embed_tokens
};

// What the decoding needs to know of the vocabulary, from generation_config.json (config.json where that is
// missing). The timestamp tokens, one per 20 ms, are the last ids; no tokenizer file names them.
struct WhisperTokens {
  std::int32_t end = 50256;       // eos_token_id
  std::int32_t start = 50257;     // decoder_start_token_id
  std::int32_t previous = 50360;  // opens the previous text
  std::int32_t no_speech = 50361;
  std::int32_t no_timestamps = 50362;  // no_timestamps_token_id
  std::int32_t first_timestamp = 50363;
  std::vector<std::int32_t> suppressed;        // suppress_tokens: never generated
  std::vector<std::int32_t> begin_suppressed;  // begin_suppress_tokens: not generated first
  std::optional<int>
      max_initial_timestamp;  // the first timestamp is at most this many steps; empty: no limit
  bool multilingual = false;
  std::vector<std::pair<std::string, std::int32_t>> languages;  // "en" -> id; empty for English-only models
  std::int32_t transcribe = -1, translate = -1;                 // task tokens of multilingual models
};

struct WhisperConfig {
  WhisperSizes sizes;
  WhisperTokens tokens;
  std::vector<std::pair<int, int>>
      alignment_heads;    // (layer, head) of the decoder whose cross-attention tells time
  int median_filter = 7;  // width of the filter over that attention, frames

  // Reads the folder's config.json and, if there, generation_config.json.
  // Throws: std::runtime_error naming file and key.
  static WhisperConfig load(const std::filesystem::path& folder);
};

// Time between two timestamp tokens, and between two encoder frames, seconds.
inline constexpr double kTimestampStep = 0.02;

}  // namespace vedette::models::audio
