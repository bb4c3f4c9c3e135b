#pragma once

#include <span>

#include "models/backend/context.h"
#include "models/layers/named_weights.h"
#include "models/ops/sublayers.h"

namespace vedette::models::layers {

struct EncoderSizes {
  std::int64_t hidden = 0, ffn = 0;
  int heads = 1;
  float epsilon = 1e-5F;  // of the layer norms
  backend::Activation activation = backend::Activation::kGeluErf;
};

// What a family calls the parts of a block.
struct EncoderBlockNames {
  const char *attention_norm, *query, *key, *value, *out, *ffn_norm, *fc1, *fc2;
  bool qkv_bias = true;
  bool key_bias = true;  // Whisper's keys have none
};

// A pre-norm transformer block (Vaswani et al. 2017; norms first): x + attention(norm(x)), then
// x + fc2(activation(fc1(norm(x)))). Immutable; any thread may run it, each in its own context.
class EncoderBlock {
 public:
  // Throws: std::runtime_error naming file, tensor, expected and received.
  EncoderBlock(backend::ComputeContext& context, const EncoderSizes& sizes, const NamedWeights& weights,
               const EncoderBlockNames& names);

  // In place; rows attend within their segments.
  void run(backend::ComputeContext& context, std::span<const backend::AttentionSegment> segments,
           backend::Matrix x) const;
  // In place; rows are the tokens of kv's slices, which are appended, and see what came before them.
  void run_causal(backend::ComputeContext& context, const backend::PagedKv& kv, backend::Matrix x) const;

 private:
  float scale() const;
  ops::Norm norm(const NormWeights& weights) const;

  EncoderSizes sizes_;
  NormWeights attention_norm_, ffn_norm_;
  backend::PackedLinear qkv_, out_, fc1_, fc2_;
};

}  // namespace vedette::models::layers
