#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/audio/whisper_config.h"
#include "models/audio/whisper_weights.h"
#include "models/backend/context.h"
#include "models/backend/function_ref.h"

namespace vedette::models::audio {

// Rows of one forward pass: tokens of several hypotheses of several windows, ragged. Slice i of `self` and of
// `cross` are the same rows; a cross slice's `past` is the number of encoder frames that its pages hold.
struct DecoderRows {
  std::span<const std::int32_t> tokens;     // [rows]
  std::span<const std::int32_t> positions;  // [rows]
  std::span<const backend::KvSlice> self;
  std::span<const backend::KvSlice> cross;
};

// Is shown the cross-attention queries of a layer while they exist.
using CrossAttentionTap =
    backend::FunctionRef<void(int layer, backend::Matrix q, const backend::PagedKv& cross)>;

// Whisper's text decoder: learned positions, causal self-attention, cross-attention, tied head. Immutable
// weights, packed once; keys and values belong to the caller. forward may run on several contexts at once.
class WhisperDecoder {
 public:
  // The table behind `weights` must outlive the decoder, which reads embeddings from the mapped file.
  // Throws: std::runtime_error naming folder, tensor, expected and received.
  WhisperDecoder(backend::ComputeContext& context, const WhisperSizes& sizes, const WhisperWeights& weights);

  const WhisperSizes& sizes() const { return sizes_; }
  // How pages of self-attention and of cross-attention are laid out.
  const backend::KvLayout& layout() const { return layout_; }

  // Keys and values of all layers from encoder output [frames, hidden] into the pages of one window.
  void fill_cross(backend::ComputeContext& context, backend::Matrix features,
                  std::span<std::byte* const> pages) const;

  // y: [rows, hidden], after the final layer norm. Appends to the self pages. Throws: std::invalid_argument.
  void forward(backend::ComputeContext& context, const DecoderRows& rows, backend::Matrix y) const;
  void forward(backend::ComputeContext& context, const DecoderRows& rows, CrossAttentionTap tap,
               backend::Matrix y) const;

  // h: [rows, hidden], y: [rows, vocabulary].
  void logits(backend::ComputeContext& context, backend::Matrix h, backend::Matrix y) const;

 private:
  struct Layer {
    LayerNormWeights self_norm, cross_norm, ffn_norm;
    backend::PackedLinear qkv, self_out, cross_q, cross_kv, cross_out, fc1, fc2;
  };

  void embed(backend::ComputeContext& context, const DecoderRows& rows, backend::Matrix y) const;
  void run(backend::ComputeContext& context, const DecoderRows& rows, const CrossAttentionTap* tap,
           backend::Matrix y) const;
  void block(backend::ComputeContext& context, int index, const DecoderRows& rows,
             const CrossAttentionTap* tap, backend::Matrix x) const;

  WhisperSizes sizes_;
  float scale_ = 1.0F;
  backend::KvLayout layout_;
  tensor::TensorView embedding_;     // [vocabulary, hidden] as the file has it; a few rows are read per step
  tensor::Tensor device_embedding_;  // the same, where the device cannot read the file's memory
  tensor::Tensor positions_;         // [text_context, hidden] f32
  std::vector<Layer> layers_;
  LayerNormWeights norm_;
  backend::PackedLinear head_;
};

}  // namespace vedette::models::audio
