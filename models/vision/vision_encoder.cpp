#include "models/vision/vision_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "models/ops/attention.h"
#include "models/ops/linear.h"
#include "models/ops/rows.h"
#include "models/vision/positions.h"

namespace vedette::models::vision {

using backend::AttentionSegment;
using backend::ComputeContext;
using backend::Matrix;

namespace {

// The published names of ViT, or those that transformers 5 gives.
VisionConfig with_names_of(VisionConfig config, const layers::NamedWeights& weights) {
  if (!weights.contains("layers.0.attention.q_proj.weight")) return config;
  config.names.blocks = "layers.";
  config.names.block.query = "attention.q_proj";
  config.names.block.key = "attention.k_proj";
  config.names.block.value = "attention.v_proj";
  config.names.block.out = "attention.o_proj";
  config.names.block.fc1 = "mlp.fc1";
  config.names.block.fc2 = "mlp.fc2";
  return config;
}

// Patches in the order in which they are computed: picture first, then padding. Returns how many are picture.
int order_patches(const VisionImage& image, std::span<int> order) {
  std::iota(order.begin(), order.end(), 0);
  if (image.mask.empty()) return static_cast<int>(order.size());
  const auto padding = std::stable_partition(order.begin(), order.end(), [&](int patch) {
    return image.mask[static_cast<std::size_t>(patch)] != 0;
  });
  return static_cast<int>(padding - order.begin());
}

}  // namespace

VisionEncoder::VisionEncoder(ComputeContext& context, const VisionConfig& config,
                             const layers::NamedWeights& weights)
    : config_(with_names_of(config, weights)) {
  const std::int64_t hidden = config_.sizes.hidden;
  const VisionNames& names = config_.names;
  const std::string patch = names.patch;
  const std::int64_t side = config_.patch;
  const auto filters = weights.view(patch + ".weight", {hidden, config_.channels, side, side});
  const auto bias = config_.patch_bias ? weights.view(patch + ".bias", {hidden}) : tensor::TensorView();
  patch_ = ops::pack_linear(context.backend(), filters.reshaped({hidden, config_.patch_values()}), bias,
                            ops::weight_format(context.dtype()));
  load_positions(weights);
  if (names.pre_norm != nullptr) pre_norm_ = weights.norm(names.pre_norm, hidden);
  for (int i = 0; i < config_.layers; ++i) {
    blocks_.emplace_back(context, config_.sizes, weights.under(names.blocks + std::to_string(i) + "."),
                         names.block);
    weights.table().release_memory();
  }
  final_norm_ = weights.norm(names.final_norm, hidden);
  load_pooling(context, weights);
}

void VisionEncoder::load_positions(const layers::NamedWeights& weights) {
  const std::int64_t hidden = config_.sizes.hidden, first = class_tokens();
  const std::int64_t rows = static_cast<std::int64_t>(config_.grid()) * config_.grid();
  // ViT's table and class token have extra axes of one.
  const bool vit = config_.pooling == Pooling::kClassDense;
  const tensor::Tensor all = weights.f32(config_.names.position, vit ? tensor::Shape{1, first + rows, hidden}
                                                                     : tensor::Shape{first + rows, hidden});
  const auto values = all.as<float>();
  positions_ = tensor::Tensor(tensor::DType::kF32, {rows, hidden});
  std::copy(values.begin() + first * hidden, values.end(), positions_.as<float>().begin());
  if (first == 0) return;
  class_token_ = tensor::Tensor(tensor::DType::kF32, {1, hidden});
  const tensor::Tensor token =
      weights.f32(config_.names.class_token, vit ? tensor::Shape{1, 1, hidden} : tensor::Shape{hidden});
  std::transform(values.begin(), values.begin() + hidden, token.as<float>().begin(),
                 class_token_.as<float>().begin(), std::plus<>());
}

void VisionEncoder::load_pooling(ComputeContext& context, const layers::NamedWeights& weights) {
  const std::int64_t hidden = config_.sizes.hidden;
  const auto format = ops::weight_format(context.dtype());
  const auto pack = [&](const backend::LinearPart& part) {
    return ops::pack_linear(context.backend(), {&part, 1}, format);
  };
  switch (config_.pooling) {
    case Pooling::kNone: return;
    case Pooling::kClassNorm: break;
    case Pooling::kClassDense:
      if (!weights.contains("pooler.dense.weight")) return;
      dense_ = pack(weights.part("pooler.dense", hidden, hidden));
      break;
    case Pooling::kAttention: {
      const tensor::Tensor probe = weights.f32("head.probe", {1, 1, hidden});
      head_.probe = tensor::Tensor(tensor::DType::kF32, {1, hidden});
      std::copy(probe.as<float>().begin(), probe.as<float>().end(), head_.probe.as<float>().begin());
      const auto matrix = weights.view("head.attention.in_proj_weight", {3 * hidden, hidden});
      const auto bias = weights.view("head.attention.in_proj_bias", {3 * hidden});
      head_.query = pack({matrix.rows(0, hidden), bias.rows(0, hidden)});
      head_.key_value = pack({matrix.rows(hidden, 2 * hidden), bias.rows(hidden, 2 * hidden)});
      head_.out = pack(weights.part("head.attention.out_proj", hidden, hidden));
      head_.norm = weights.norm("head.layernorm", hidden);
      head_.fc1 = pack(weights.part("head.mlp.fc1", config_.sizes.ffn, hidden));
      head_.fc2 = pack(weights.part("head.mlp.fc2", hidden, config_.sizes.ffn));
      break;
    }
  }
  pools_ = true;
}

void VisionEncoder::check(std::span<const VisionImage> images, Matrix y) const {
  std::int64_t rows = 0;
  for (const VisionImage& image : images) {
    const std::int64_t patches = static_cast<std::int64_t>(image.rows) * image.columns;
    if (image.rows < 1 || image.columns < 1 || image.patches.rows != patches ||
        image.patches.columns != config_.patch_values() ||
        (!image.mask.empty() && static_cast<std::int64_t>(image.mask.size()) != patches)) {
      throw std::invalid_argument(
          "vision encoder: expected " + std::to_string(image.rows) + " x " + std::to_string(image.columns) +
          " patches of " + std::to_string(config_.patch_values()) + " values, received [" +
          std::to_string(image.patches.rows) + ", " + std::to_string(image.patches.columns) + "]");
    }
    rows += tokens(image);
  }
  if (y.rows != rows || y.columns != config_.sizes.hidden) {
    throw std::invalid_argument("vision encoder: expected room for [" + std::to_string(rows) + ", " +
                                std::to_string(config_.sizes.hidden) + "], received [" +
                                std::to_string(y.rows) + ", " + std::to_string(y.columns) + "]");
  }
}

void VisionEncoder::forward(ComputeContext& context, std::span<const VisionImage> images, Matrix y) const {
  check(images, y);
  const backend::ScratchScope scope(context.scratch());
  const auto segments = context.array<AttentionSegment>(static_cast<std::int64_t>(images.size()));
  const auto order = context.array<int>(y.rows);
  const Matrix x = context.matrix(y.rows, config_.sizes.hidden);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::int64_t count = tokens(images[i]), patches = count - class_tokens();
    const auto own = order.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(patches));
    const int valid = order_patches(images[i], own);
    if (valid == 0) throw std::invalid_argument("vision encoder: a picture that is all padding");
    segments[i] = {first, count, first, class_tokens() + valid};
    stem(context, images[i], own, valid, x.row_range(first, count));
    first += count;
  }
  if (config_.names.pre_norm != nullptr) {
    ops::layer_norm(context, x, pre_norm_.weight, pre_norm_.bias, config_.sizes.epsilon, x);
  }
  for (const layers::EncoderBlock& block : blocks_) block.run(context, segments, x);
  first = 0;
  for (const VisionImage& image : images) {
    const std::int64_t count = tokens(image);
    const auto own =
        order.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count - class_tokens()));
    finish(context, image.mask.empty() ? std::span<const int>() : own, x.row_range(first, count),
           y.row_range(first, count));
    first += count;
  }
}

// Patches times filters, plus positions.
void VisionEncoder::stem(ComputeContext& context, const VisionImage& image, std::span<const int> order,
                         int valid, Matrix y) const {
  const backend::ScratchScope scope(context.scratch());
  const std::int64_t first = class_tokens(), patches = image.patches.rows;
  if (first > 0) std::copy_n(class_token_.as<float>().data(), y.columns, y.row(0));
  Matrix positions = grid_positions(context, image), values = image.patches;
  if (valid < patches) {  // both in the order of the computation
    const Matrix sorted = context.matrix(patches, values.columns);
    const Matrix placed = context.matrix(patches, positions.columns);
    for (std::int64_t i = 0; i < patches; ++i) {
      const int patch = order[static_cast<std::size_t>(i)];
      std::copy_n(values.row(patch), values.columns, sorted.row(i));
      std::copy_n(positions.row(patch), positions.columns, placed.row(i));
    }
    values = sorted;
    positions = placed;
  }
  ops::linear(context, values, patch_, y.row_range(first, patches), {.residual = positions});
}

Matrix VisionEncoder::grid_positions(ComputeContext& context, const VisionImage& image) const {
  const int side = config_.grid();
  const Matrix table(positions_);
  const bool same = image.rows == side && image.columns == side;
  if (same && (!config_.shared_positions || image.mask.empty())) return table;
  const Matrix y = context.matrix(image.patches.rows, table.columns);
  if (!config_.shared_positions) {
    interpolate_positions(table, side, image.rows, image.columns, y);
    return y;
  }
  // As many as the first row and the first column have; padding has position 0.
  int rows = image.rows, columns = image.columns;
  const auto shown = [&](int patch) { return image.mask[static_cast<std::size_t>(patch)] != 0; };
  if (!image.mask.empty()) {
    rows = columns = 0;
    for (int row = 0; row < image.rows; ++row) rows += shown(row * image.columns) ? 1 : 0;
    for (int column = 0; column < image.columns; ++column) columns += shown(column) ? 1 : 0;
  }
  const auto down = context.array<int>(image.rows), across = context.array<int>(image.columns);
  shared_positions(side, rows, down);
  shared_positions(side, columns, across);
  for (int patch = 0; patch < image.rows * image.columns; ++patch) {
    const int row = patch / image.columns, column = patch % image.columns;
    const bool padding = !image.mask.empty() && !shown(patch);
    const int index =
        padding ? 0 : down[static_cast<std::size_t>(row)] * side + across[static_cast<std::size_t>(column)];
    std::copy_n(table.row(index), table.columns, y.row(patch));
  }
  return y;
}

// The final norm, in the picture's own order again. order: empty where it is that already.
void VisionEncoder::finish(ComputeContext& context, std::span<const int> order, Matrix x, Matrix y) const {
  const bool normed = config_.pooling != Pooling::kClassNorm;
  const auto norm = [&](Matrix from, Matrix to) {
    ops::layer_norm(context, from, final_norm_.weight, final_norm_.bias, config_.sizes.epsilon, to);
  };
  if (order.empty()) {
    normed ? norm(x, y) : ops::copy(context, x, y);
    return;
  }
  if (normed) norm(x, x);
  const int first = class_tokens();
  if (first > 0) std::copy_n(x.row(0), x.columns, y.row(0));
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(x.row(first + static_cast<std::int64_t>(i)), x.columns, y.row(first + order[i]));
  }
}

void VisionEncoder::pool(ComputeContext& context, std::span<const VisionImage> images, Matrix hidden,
                         Matrix y) const {
  if (!pools_) throw std::logic_error("vision encoder: pooling was asked of a model that has none");
  const backend::ScratchScope scope(context.scratch());
  if (config_.pooling == Pooling::kAttention) {
    pool_by_attention(context, images, hidden, y);
    return;
  }
  const Matrix tokens_of = context.matrix(y.rows, y.columns);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    ops::copy(context, hidden.row_range(first, 1), tokens_of.row_range(static_cast<std::int64_t>(i), 1));
    first += tokens(images[i]);
  }
  if (config_.pooling == Pooling::kClassNorm) {
    ops::layer_norm(context, tokens_of, final_norm_.weight, final_norm_.bias, config_.sizes.epsilon, y);
    return;
  }
  ops::linear(context, tokens_of, dense_, y);
  for (std::int64_t row = 0; row < y.rows; ++row) {
    for (std::int64_t c = 0; c < y.columns; ++c) y.row(row)[c] = std::tanh(y.row(row)[c]);
  }
}

// Multi-head attention of one learned query, and an MLP (SigLIP's head).
void VisionEncoder::pool_by_attention(ComputeContext& context, std::span<const VisionImage> images,
                                      Matrix hidden, Matrix y) const {
  const std::int64_t columns = config_.sizes.hidden;
  const float scale = 1.0F / std::sqrt(static_cast<float>(columns / config_.sizes.heads));
  const auto count = static_cast<std::int64_t>(images.size());
  const auto segments = context.array<AttentionSegment>(count);
  const Matrix probes = context.matrix(count, columns), query = context.matrix(count, columns);
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t rows = tokens(images[static_cast<std::size_t>(i)]);
    ops::copy(context, Matrix(head_.probe), probes.row_range(i, 1));
    segments[static_cast<std::size_t>(i)] = {i, 1, first, rows};
    first += rows;
  }
  const Matrix keys = context.matrix(hidden.rows, 2 * columns);
  ops::linear(context, probes, head_.query, query);
  ops::linear(context, hidden, head_.key_value, keys);
  ops::attention(context, query, keys.column_range(0, columns), keys.column_range(columns, columns), segments,
                 config_.sizes.heads, scale, probes);
  ops::linear(context, probes, head_.out, y);
  const Matrix f = context.matrix(count, config_.sizes.ffn);
  ops::layer_norm(context, y, head_.norm.weight, head_.norm.bias, config_.sizes.epsilon, query);
  ops::linear(context, query, head_.fc1, f, {.activation = config_.sizes.activation});
  ops::linear(context, f, head_.fc2, y, {.residual = y});
}

}  // namespace vedette::models::vision
