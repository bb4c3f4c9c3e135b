#include "models/audio/whisper_decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "models/ops/attention.h"
#include "models/ops/linear.h"
#include "models/ops/rows.h"

namespace vedette::models::audio {

using backend::Activation;
using backend::ComputeContext;
using backend::KvSlice;
using backend::Matrix;
using backend::PagedKv;

namespace {

constexpr float kEpsilon = 1e-5F;  // torch.nn.LayerNorm's default

}  // namespace

WhisperDecoder::WhisperDecoder(ComputeContext& context, const WhisperSizes& sizes,
                               const WhisperWeights& weights)
    : sizes_(sizes) {
  const std::int64_t hidden = sizes.hidden;
  const auto format = ops::weight_format(context.dtype());
  backend::Backend& device = context.backend();
  const auto pack = [&](const backend::LinearPart& part) {
    return ops::pack_linear(device, {&part, 1}, format);
  };
  const int head_dim = sizes.hidden / sizes.decoder_heads;
  scale_ = 1.0F / std::sqrt(static_cast<float>(head_dim));
  layout_ = device.kv_layout(sizes.decoder_layers, sizes.decoder_heads, head_dim, context.dtype());

  const tensor::TensorView table = weights.view("decoder.embed_tokens.weight", {sizes.vocabulary, hidden});
  embedding_ = table;
  if (device.device() != tensor::Device::kCpu) {
    device_embedding_ = device.allocate(table.dtype(), table.shape());
    device.copy(table, device_embedding_);
    embedding_ = device_embedding_;
  }
  positions_ = weights.f32("decoder.embed_positions.weight", {sizes.text_context, hidden});
  for (int i = 0; i < sizes.decoder_layers; ++i) {
    const std::string name = "decoder.layers." + std::to_string(i) + ".";
    const auto self = [&](const char* part, bool bias = true) {
      return weights.part(name + "self_attn." + part, hidden, hidden, bias);
    };
    const auto cross = [&](const char* part, bool bias = true) {
      return weights.part(name + "encoder_attn." + part, hidden, hidden, bias);
    };
    const backend::LinearPart qkv[] = {self("q_proj"), self("k_proj", false), self("v_proj")};
    const backend::LinearPart kv[] = {cross("k_proj", false), cross("v_proj")};
    Layer layer;
    layer.self_norm = load_layer_norm(weights, name + "self_attn_layer_norm", hidden);
    layer.qkv = ops::pack_linear(device, qkv, format);
    layer.self_out = pack(self("out_proj"));
    layer.cross_norm = load_layer_norm(weights, name + "encoder_attn_layer_norm", hidden);
    layer.cross_q = pack(cross("q_proj"));
    layer.cross_kv = ops::pack_linear(device, kv, format);
    layer.cross_out = pack(cross("out_proj"));
    layer.ffn_norm = load_layer_norm(weights, name + "final_layer_norm", hidden);
    layer.fc1 = pack(weights.part(name + "fc1", sizes.decoder_ffn, hidden));
    layer.fc2 = pack(weights.part(name + "fc2", hidden, sizes.decoder_ffn));
    layers_.push_back(std::move(layer));
  }
  norm_ = load_layer_norm(weights, "decoder.layer_norm", hidden);
  // Two thirds of the bytes that a token of tiny.en reads are the head's: 8 bits are enough to rank tokens
  // by.
  const auto head_format =
      context.dtype() == tensor::DType::kF32 ? backend::WeightFormat::kF32 : backend::WeightFormat::kI8;
  backend::LinearPart head{table, {}};
  if (!sizes.tied_head) head.weight = weights.view("proj_out.weight", {sizes.vocabulary, hidden});
  head_ = ops::pack_linear(device, {&head, 1}, head_format);
}

void WhisperDecoder::fill_cross(ComputeContext& context, Matrix features,
                                std::span<std::byte* const> pages) const {
  const std::int64_t hidden = sizes_.hidden;
  for (int i = 0; i < sizes_.decoder_layers; ++i) {
    const backend::ScratchScope scope(context.scratch());
    const Matrix kv = context.matrix(features.rows, 2 * hidden);
    ops::linear(context, features, layers_[static_cast<std::size_t>(i)].cross_kv, kv);
    const KvSlice slice{pages, 0, 0, features.rows};
    ops::append_kv(context, kv.column_range(0, hidden), kv.column_range(hidden, hidden),
                   {&layout_, i, {&slice, 1}});
  }
}

void WhisperDecoder::forward(ComputeContext& context, const DecoderRows& rows, Matrix y) const {
  run(context, rows, nullptr, y);
}

void WhisperDecoder::forward(ComputeContext& context, const DecoderRows& rows, CrossAttentionTap tap,
                             Matrix y) const {
  run(context, rows, &tap, y);
}

void WhisperDecoder::run(ComputeContext& context, const DecoderRows& rows, const CrossAttentionTap* tap,
                         Matrix y) const {
  const backend::ScratchScope scope(context.scratch());
  const Matrix x = context.matrix(static_cast<std::int64_t>(rows.tokens.size()), sizes_.hidden);
  embed(context, rows, x);
  for (int i = 0; i < sizes_.decoder_layers; ++i) block(context, i, rows, tap, x);
  ops::layer_norm(context, x, norm_.weight, norm_.bias, kEpsilon, y);
}

void WhisperDecoder::embed(ComputeContext& context, const DecoderRows& rows, Matrix y) const {
  const backend::ScratchScope scope(context.scratch());
  const Matrix positions = context.matrix(y.rows, y.columns);
  ops::embedding(context, embedding_, rows.tokens, y);
  if (sizes_.scale_embedding) {
    const float factor = std::sqrt(static_cast<float>(sizes_.hidden));
    for (std::int64_t r = 0; r < y.rows; ++r) {
      std::for_each(y.row(r), y.row(r) + y.columns, [factor](float& value) { value *= factor; });
    }
  }
  ops::embedding(context, positions_, rows.positions, positions);
  ops::add(context, y, positions, y);
}

void WhisperDecoder::block(ComputeContext& context, int index, const DecoderRows& rows,
                           const CrossAttentionTap* tap, Matrix x) const {
  const backend::ScratchScope scope(context.scratch());
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  const std::int64_t hidden = sizes_.hidden;
  const PagedKv self{&layout_, index, rows.self};
  const PagedKv cross{&layout_, index, rows.cross};
  const Matrix h = context.matrix(x.rows, hidden);
  const Matrix qkv = context.matrix(x.rows, 3 * hidden);
  ops::layer_norm(context, x, layer.self_norm.weight, layer.self_norm.bias, kEpsilon, h);
  ops::linear(context, h, layer.qkv, qkv);
  ops::append_kv(context, qkv.column_range(hidden, hidden), qkv.column_range(2 * hidden, hidden), self);
  ops::causal_attention(context, qkv.column_range(0, hidden), self, scale_, h);
  ops::linear(context, h, layer.self_out, x, {.residual = x});

  const Matrix q = qkv.column_range(0, hidden);
  ops::layer_norm(context, x, layer.cross_norm.weight, layer.cross_norm.bias, kEpsilon, h);
  ops::linear(context, h, layer.cross_q, q);
  if (tap != nullptr) (*tap)(index, q, cross);
  ops::cross_attention(context, q, cross, scale_, h);
  ops::linear(context, h, layer.cross_out, x, {.residual = x});

  const Matrix f = context.matrix(x.rows, sizes_.decoder_ffn);
  ops::layer_norm(context, x, layer.ffn_norm.weight, layer.ffn_norm.bias, kEpsilon, h);
  ops::linear(context, h, layer.fc1, f, {.activation = Activation::kGeluErf});
  ops::linear(context, f, layer.fc2, x, {.residual = x});
}

void WhisperDecoder::logits(ComputeContext& context, Matrix h, Matrix y) const {
  ops::linear(context, h, head_, y);
}

}  // namespace vedette::models::audio
