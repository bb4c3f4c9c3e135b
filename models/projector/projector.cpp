#include "models/projector/projector.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "models/ops/linear.h"
#include "models/ops/rows.h"

namespace vedette::models::projector {

using backend::ComputeContext;
using backend::Matrix;

Projector::Projector(ComputeContext& context, const ProjectorConfig& config,
                     const layers::NamedWeights& weights)
    : config_(config) {
  const auto format = ops::weight_format(context.dtype());
  const auto pack = [&](const char* name, std::int64_t out, std::int64_t in) {
    const auto part = weights.part(name, out, in, config.bias);
    return ops::pack_linear(context.backend(), {&part, 1}, format);
  };
  if (config.norm) norm_ = weights.norm(config.norm_name, config.shuffled());
  first_ = pack(config.first_name, config.hidden > 0 ? config.hidden : config.out, config.shuffled());
  if (config.hidden > 0) second_ = pack(config.second_name, config.out, config.hidden);
}

std::int64_t Projector::tokens(int rows, int columns) const {
  const int side = config_.shuffle;
  if (rows < 1 || columns < 1 || rows % side != 0 || columns % side != 0) {
    throw std::invalid_argument("projector: " + std::to_string(rows) + " x " + std::to_string(columns) +
                                " patches, expected multiples of " + std::to_string(side));
  }
  return static_cast<std::int64_t>(rows / side) * (columns / side);
}

void Projector::forward(ComputeContext& context, Matrix x, int rows, int columns, Matrix y) const {
  const backend::ScratchScope scope(context.scratch());
  Matrix h = x;
  if (config_.shuffle > 1) {
    h = context.matrix(tokens(rows, columns), config_.shuffled());
    pixel_shuffle(context, x, rows, columns, config_.shuffle, h);
  }
  if (config_.norm) {
    const Matrix normed = context.matrix(h.rows, h.columns);
    ops::layer_norm(context, h, norm_.weight, norm_.bias, config_.epsilon, normed);
    h = normed;
  }
  if (config_.hidden == 0) {
    ops::linear(context, h, first_, y);
    return;
  }
  const Matrix inner = context.matrix(h.rows, config_.hidden);
  ops::linear(context, h, first_, inner, {.activation = config_.activation});
  ops::linear(context, inner, second_, y);
}

void pixel_shuffle(ComputeContext& context, Matrix x, int rows, int columns, int shuffle, Matrix y) {
  const int across = columns / shuffle, down = rows / shuffle;
  if (rows % shuffle != 0 || columns % shuffle != 0 || x.rows != static_cast<std::int64_t>(rows) * columns ||
      y.rows != static_cast<std::int64_t>(down) * across || y.columns != x.columns * shuffle * shuffle) {
    throw std::invalid_argument("pixel shuffle: expected [" + std::to_string(rows * columns) +
                                ", channels] of whole squares, received [" + std::to_string(x.rows) + ", " +
                                std::to_string(x.columns) + "]");
  }
  context.parallel_for(y.rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t token = begin; token < end; ++token) {
      float* out = y.row(token);
      const std::int64_t row = token / across * shuffle, column = token % across * shuffle;
      for (int line = 0; line < shuffle; ++line) {
        for (int patch = 0; patch < shuffle; ++patch, out += x.columns) {
          std::copy_n(x.row((row + line) * columns + column + patch), x.columns, out);
        }
      }
    }
  });
}

}  // namespace vedette::models::projector
