#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "models/audio/whisper_config.h"
#include "models/audio/whisper_decoder.h"
#include "models/audio/whisper_encoder.h"
#include "models/backend/context.h"
#include "models/preprocess/log_mel.h"
#include "models/text/tokenizer.h"
#include "models/weights/weight_table.h"

namespace vedette::models::audio {

// A Whisper folder in memory: config, tokenizer, encoder and decoder, packed for one backend and dtype.
// Immutable and shared; any thread may use it, each with a context of its own.
class SpeechModel {
 public:
  // Throws: std::runtime_error naming the file and what is wrong with it.
  SpeechModel(backend::ComputeContext& context, const std::filesystem::path& folder);

  const WhisperConfig& config() const { return config_; }
  const WhisperEncoder& encoder() const { return *encoder_; }
  const WhisperDecoder& decoder() const { return *decoder_; }
  const preprocess::LogMel& log_mel() const { return log_mel_; }
  // Null when the folder has no tokenizer.json: then there are tokens, but no text and no words.
  const text::Tokenizer* tokenizer() const { return tokenizer_.get(); }

  // Encoder frames of a whole window, 20 ms each.
  int audio_context() const { return config_.sizes.audio_context; }

  // Windows of 16 kHz mono samples to features, in one batch. Each is padded with zero samples to `frames`
  // encoder frames (0: the model's own, as published) and `y` is [windows * frames, hidden]. Throws:
  // std::invalid_argument for other shapes, or a window that is longer.
  void encode(backend::ComputeContext& context, std::span<const std::span<const float>> windows,
              backend::Matrix y, int frames = 0) const;

  // Text of text tokens; timestamps and special tokens give nothing.
  std::string text(std::span<const std::int32_t> tokens) const;

 private:
  WhisperConfig config_;
  weights::WeightTable table_;
  std::unique_ptr<const text::Tokenizer> tokenizer_;
  preprocess::LogMel log_mel_;
  std::unique_ptr<const WhisperEncoder> encoder_;
  std::unique_ptr<const WhisperDecoder> decoder_;
};

}  // namespace vedette::models::audio
