#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/audio/whisper_config.h"
#include "models/audio/whisper_weights.h"
#include "models/backend/context.h"

namespace vedette::models::audio {

// Whisper's encoder (Radford et al. 2022): two convolutions, fixed sinusoidal positions, pre-norm transformer
// blocks. Immutable weights, packed once for the context's backend and dtype; forward may run on several
// contexts at once.
class WhisperEncoder {
 public:
  // Throws: std::runtime_error naming folder, tensor, expected and received.
  WhisperEncoder(backend::ComputeContext& context, const WhisperSizes& sizes, const WhisperWeights& weights);

  // Encodes a batch of windows of differing lengths. Each is [2 * frames_i, mels], time outermost, with
  // frames_i at most audio_context; `y` is [sum of frames_i, hidden], the windows one after another. Throws:
  // std::invalid_argument for other shapes.
  void forward(backend::ComputeContext& context, std::span<const backend::Matrix> mels,
               backend::Matrix y) const;

  const WhisperSizes& sizes() const { return sizes_; }

 private:
  struct Layer {
    LayerNormWeights attention_norm, ffn_norm;
    backend::PackedLinear qkv, out, fc1, fc2;
  };

  void stem(backend::ComputeContext& context, std::span<const backend::Matrix> mels, backend::Matrix y) const;
  void block(backend::ComputeContext& context, const Layer& layer,
             std::span<const backend::AttentionSegment> segments, backend::Matrix x) const;

  WhisperSizes sizes_;
  backend::PackedLinear conv1_, conv2_;
  tensor::Tensor positions_;  // [audio_context, hidden] f32, read from the file
  std::vector<Layer> layers_;
  LayerNormWeights norm_;
};

// Mel pictures come as [mels, frames]; the convolutions want [frames, mels]. y: [frames, mels], of which
// `mel` may have more (then its later frames are left out).
void transpose_mel(backend::ComputeContext& context, std::span<const float> mel, std::int64_t frames,
                   backend::Matrix y);

}  // namespace vedette::models::audio
