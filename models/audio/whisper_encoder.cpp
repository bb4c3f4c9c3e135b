#include "models/audio/whisper_encoder.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "models/ops/linear.h"
#include "models/ops/rows.h"
#include "models/ops/sublayers.h"

namespace vedette::models::audio {

using backend::Activation;
using backend::AttentionSegment;
using backend::ComputeContext;
using backend::Matrix;

namespace {

constexpr float kEpsilon = 1e-5F;  // torch.nn.LayerNorm's default
constexpr int kKernel = 3;

}  // namespace

WhisperEncoder::WhisperEncoder(ComputeContext& context, const WhisperSizes& sizes,
                               const WhisperWeights& weights)
    : sizes_(sizes) {
  const std::int64_t hidden = sizes.hidden;
  backend::Backend& device = context.backend();
  // The words are as right with 8 bits as with bf16 (docs/performance.md).
  const bool bytes = context.dtype() != tensor::DType::kF32 && device.bytes_are_faster();
  const auto stem = ops::weight_format(context.dtype());
  const auto format = bytes ? backend::WeightFormat::kI8 : stem;
  const auto pack = [&](const backend::LinearPart& part) {
    return ops::pack_linear(device, {&part, 1}, format);
  };
  conv1_ = ops::pack_conv1d(device, weights.view("encoder.conv1.weight", {hidden, sizes.mels, kKernel}),
                            weights.view("encoder.conv1.bias", {hidden}), stem);
  conv2_ = ops::pack_conv1d(device, weights.view("encoder.conv2.weight", {hidden, hidden, kKernel}),
                            weights.view("encoder.conv2.bias", {hidden}), stem);
  positions_ = weights.f32("encoder.embed_positions.weight", {sizes.audio_context, hidden});
  for (int i = 0; i < sizes.encoder_layers; ++i) {
    const std::string name = "encoder.layers." + std::to_string(i) + ".";
    const backend::LinearPart qkv[] = {weights.part(name + "self_attn.q_proj", hidden, hidden),
                                       weights.part(name + "self_attn.k_proj", hidden, hidden, false),
                                       weights.part(name + "self_attn.v_proj", hidden, hidden)};
    Layer layer;
    layer.attention_norm = load_layer_norm(weights, name + "self_attn_layer_norm", hidden);
    layer.qkv = ops::pack_linear(device, qkv, format);
    layer.out = pack(weights.part(name + "self_attn.out_proj", hidden, hidden));
    layer.ffn_norm = load_layer_norm(weights, name + "final_layer_norm", hidden);
    layer.fc1 = pack(weights.part(name + "fc1", sizes.encoder_ffn, hidden));
    layer.fc2 = pack(weights.part(name + "fc2", hidden, sizes.encoder_ffn));
    layers_.push_back(std::move(layer));
  }
  norm_ = load_layer_norm(weights, "encoder.layer_norm", hidden);
}

void WhisperEncoder::forward(ComputeContext& context, std::span<const Matrix> mels, Matrix y) const {
  const backend::ScratchScope scope(context.scratch());
  const auto segments = context.array<AttentionSegment>(static_cast<std::int64_t>(mels.size()));
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < mels.size(); ++i) {
    const std::int64_t frames = mels[i].rows / 2;
    if (mels[i].columns != sizes_.mels || mels[i].rows % 2 != 0 || frames < 1 ||
        frames > sizes_.audio_context) {
      throw std::invalid_argument(
          "whisper encoder: expected up to [" + std::to_string(2 * sizes_.audio_context) + ", " +
          std::to_string(sizes_.mels) + "], an even number of frames, received [" +
          std::to_string(mels[i].rows) + ", " + std::to_string(mels[i].columns) + "]");
    }
    segments[i] = {rows, frames, rows, frames};
    rows += frames;
  }
  const Matrix x = context.matrix(rows, sizes_.hidden);
  stem(context, mels, x);
  for (const Layer& layer : layers_) block(context, layer, segments, x);
  ops::layer_norm(context, x, norm_.weight, norm_.bias, kEpsilon, y);
}

void WhisperEncoder::stem(ComputeContext& context, std::span<const Matrix> mels, Matrix y) const {
  std::int64_t first = 0;
  for (const Matrix& mel : mels) {
    const backend::ScratchScope scope(context.scratch());
    const std::int64_t frames = mel.rows / 2;
    const Matrix h = context.matrix(mel.rows, sizes_.hidden);
    ops::conv1d(context, mel, conv1_, h, {.activation = Activation::kGeluErf});
    ops::conv1d(context, h, conv2_, y.row_range(first, frames),
                {.stride = 2,
                 .activation = Activation::kGeluErf,
                 .residual = Matrix(positions_).row_range(0, frames)});
    first += frames;
  }
}

// One window at a time: together they gain nothing, and would take as many times the memory between products.
void WhisperEncoder::block(ComputeContext& context, const Layer& layer,
                           std::span<const AttentionSegment> segments, Matrix all) const {
  const float scale = 1.0F / std::sqrt(static_cast<float>(sizes_.hidden / sizes_.encoder_heads));
  for (const AttentionSegment& window : segments) {
    const AttentionSegment own{0, window.query_count, 0, window.key_count};
    const Matrix x = all.row_range(window.query_first, window.query_count);
    ops::self_attention(context, {layer.attention_norm.weight, layer.attention_norm.bias, kEpsilon},
                        {layer.qkv, layer.out, sizes_.encoder_heads, scale}, {&own, 1}, x);
    ops::mlp(context, {layer.ffn_norm.weight, layer.ffn_norm.bias, kEpsilon}, layer.fc1, Activation::kGeluErf,
             layer.fc2, x);
  }
}

void transpose_mel(ComputeContext& context, std::span<const float> mel, std::int64_t frames, Matrix y) {
  if (y.rows > frames || static_cast<std::int64_t>(mel.size()) != frames * y.columns) {
    throw std::invalid_argument("transpose_mel: expected [" + std::to_string(y.columns) + ", " +
                                std::to_string(frames) + "] of at least " + std::to_string(y.rows) +
                                " frames, received " + std::to_string(mel.size()) + " values");
  }
  context.parallel_for(y.rows, 256, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t m = 0; m < y.columns; ++m) {
      const float* row = mel.data() + m * frames;
      for (std::int64_t t = first; t < last; ++t) y.row(t)[m] = row[t];
    }
  });
}

}  // namespace vedette::models::audio
