#include "models/layers/encoder_block.h"

#include <cmath>

#include "models/ops/attention.h"
#include "models/ops/linear.h"
#include "models/ops/rows.h"
#include "models/ops/sublayers.h"

namespace vedette::models::layers {

using backend::ComputeContext;
using backend::Matrix;

EncoderBlock::EncoderBlock(ComputeContext& context, const EncoderSizes& sizes, const NamedWeights& weights,
                           const EncoderBlockNames& names)
    : sizes_(sizes) {
  const std::int64_t hidden = sizes.hidden;
  const auto format = ops::weight_format(context.dtype());
  const auto pack = [&](std::span<const backend::LinearPart> parts) {
    return ops::pack_linear(context.backend(), parts, format);
  };
  const auto pack_one = [&](const backend::LinearPart& part) { return pack({&part, 1}); };
  const backend::LinearPart qkv[] = {
      weights.part(names.query, hidden, hidden, names.qkv_bias),
      weights.part(names.key, hidden, hidden, names.qkv_bias && names.key_bias),
      weights.part(names.value, hidden, hidden, names.qkv_bias)};
  attention_norm_ = weights.norm(names.attention_norm, hidden);
  qkv_ = pack(qkv);
  out_ = pack_one(weights.part(names.out, hidden, hidden));
  ffn_norm_ = weights.norm(names.ffn_norm, hidden);
  fc1_ = pack_one(weights.part(names.fc1, sizes.ffn, hidden));
  fc2_ = pack_one(weights.part(names.fc2, hidden, sizes.ffn));
}

float EncoderBlock::scale() const {
  return 1.0F / std::sqrt(static_cast<float>(sizes_.hidden / sizes_.heads));
}

ops::Norm EncoderBlock::norm(const NormWeights& weights) const {
  return {weights.weight, weights.bias, sizes_.epsilon};
}

void EncoderBlock::run(ComputeContext& context, std::span<const backend::AttentionSegment> segments,
                       Matrix x) const {
  ops::self_attention(context, norm(attention_norm_), {qkv_, out_, sizes_.heads, scale()}, segments, x);
  ops::mlp(context, norm(ffn_norm_), fc1_, sizes_.activation, fc2_, x);
}

void EncoderBlock::run_causal(ComputeContext& context, const backend::PagedKv& kv, Matrix x) const {
  const backend::ScratchScope scope(context.scratch());
  const std::int64_t hidden = sizes_.hidden;
  const Matrix h = context.matrix(x.rows, hidden);
  const Matrix qkv = context.matrix(x.rows, 3 * hidden);
  ops::layer_norm(context, x, attention_norm_.weight, attention_norm_.bias, sizes_.epsilon, h);
  ops::linear(context, h, qkv_, qkv);
  ops::append_kv(context, qkv.column_range(hidden, hidden), qkv.column_range(2 * hidden, hidden), kv);
  ops::causal_attention(context, qkv.column_range(0, hidden), kv, scale(), h);
  ops::linear(context, h, out_, x, {.residual = x});
  ops::mlp(context, norm(ffn_norm_), fc1_, sizes_.activation, fc2_, x);
}

}  // namespace vedette::models::layers
