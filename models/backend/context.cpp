#include "models/backend/context.h"

#include <stdexcept>
#include <string>

namespace vedette::models::backend {

namespace {

void check_range(const char* what, std::int64_t first, std::int64_t count, std::int64_t size) {
  if (first < 0 || count < 0 || first > size - count) {
    throw std::invalid_argument(std::string(what) + " " + std::to_string(first) + " to " +
                                std::to_string(first + count) + " of " + std::to_string(size));
  }
}

}  // namespace

Matrix::Matrix(const tensor::TensorView& view) {
  if (view.empty()) return;
  data = view.as<float>().data();
  const auto& shape = view.shape();
  columns = shape.rank() == 0 ? 1 : shape[shape.rank() - 1];
  rows = columns == 0 ? 0 : view.count() / columns;
  stride = columns;
}

Matrix Matrix::column_range(std::int64_t first, std::int64_t count) const {
  check_range("columns", first, count, columns);
  return {data + first, rows, count, stride};
}

Matrix Matrix::row_range(std::int64_t first, std::int64_t count) const {
  check_range("rows", first, count, rows);
  return {data + first * stride, count, columns, stride};
}

void Backend::mlp(ComputeContext& context, const LayerNorm& norm, const PackedLinear& w1,
                  Activation activation, const PackedLinear& w2, Matrix x) {
  const ScratchScope scope(context.scratch());
  const Matrix normal = context.matrix(x.rows, x.columns), middle = context.matrix(x.rows, w1.out);
  layer_norm(context, x, norm.weight, norm.bias, norm.epsilon, normal);
  linear(context, normal, w1, activation, {}, middle);
  linear(context, middle, w2, Activation::kNone, x, x);
}

void Backend::self_attention(ComputeContext& context, const LayerNorm& norm, const PackedLinear& qkv,
                             std::span<const AttentionSegment> segments, int heads, float scale,
                             const PackedLinear& out, Matrix x) {
  const ScratchScope scope(context.scratch());
  const Matrix h = context.matrix(x.rows, x.columns);
  const Matrix fused = context.matrix(x.rows, 3 * x.columns);
  layer_norm(context, x, norm.weight, norm.bias, norm.epsilon, h);
  linear(context, h, qkv, Activation::kNone, {}, fused);
  attention(context, fused.column_range(0, x.columns), fused.column_range(x.columns, x.columns),
            fused.column_range(2 * x.columns, x.columns), segments, heads, scale, h);
  linear(context, h, out, Activation::kNone, x, x);
}

Matrix ComputeContext::matrix(std::int64_t rows, std::int64_t columns) {
  return {array<float>(rows * columns).data(), rows, columns, columns};
}

}  // namespace vedette::models::backend
