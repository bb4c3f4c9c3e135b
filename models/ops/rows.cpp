#include "models/ops/rows.h"

#include "models/ops/check.h"

namespace vedette::models::ops {

namespace {

void expect_same(const char* op, Matrix x, Matrix y) {
  expect(op, "rows", y.rows, x.rows);
  expect(op, "columns", y.columns, x.columns);
}

}  // namespace

void layer_norm(ComputeContext& context, Matrix x, const tensor::TensorView& weight,
                const tensor::TensorView& bias, float epsilon, Matrix y) {
  expect_same("layer_norm", x, y);
  context.backend().layer_norm(context, x, vector_of("layer_norm", weight, x.columns),
                               vector_of("layer_norm", bias, x.columns), epsilon, y);
}

void rms_norm(ComputeContext& context, Matrix x, const tensor::TensorView& weight, float epsilon, Matrix y) {
  expect_same("rms_norm", x, y);
  context.backend().rms_norm(context, x, vector_of("rms_norm", weight, x.columns), epsilon, y);
}

void embedding(ComputeContext& context, const tensor::TensorView& table, std::span<const std::int32_t> ids,
               Matrix y) {
  expect("embedding", "rank of the table", table.shape().rank(), 2);
  expect("embedding", "columns", y.columns, table.shape()[1]);
  expect("embedding", "rows", y.rows, static_cast<std::int64_t>(ids.size()));
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= table.shape()[0]) {
      throw std::invalid_argument("embedding: id " + std::to_string(id) + " is outside the vocabulary of " +
                                  std::to_string(table.shape()[0]));
    }
  }
  context.backend().embedding(context, table, ids, y);
}

void silu_mul(ComputeContext& context, Matrix gate, Matrix up, Matrix y) {
  expect_same("silu_mul", gate, y);
  expect_same("silu_mul", up, y);
  context.backend().silu_mul(context, gate, up, y);
}

void add(ComputeContext& context, Matrix a, Matrix b, Matrix y) {
  expect_same("add", a, y);
  expect_same("add", b, y);
  context.backend().add(context, a, b, y);
}

void copy(ComputeContext& context, Matrix x, Matrix y) {
  expect_same("copy", x, y);
  context.backend().copy_padded(context, x, 0, y);
}

void softmax(ComputeContext& context, Matrix x, Matrix y) {
  expect_same("softmax", x, y);
  context.backend().softmax(context, x, false, y);
}

void log_softmax(ComputeContext& context, Matrix x, Matrix y) {
  expect_same("log_softmax", x, y);
  context.backend().softmax(context, x, true, y);
}

void argmax(ComputeContext& context, Matrix x, std::span<std::int32_t> indices) {
  expect("argmax", "rows", x.rows, static_cast<std::int64_t>(indices.size()));
  if (x.rows != 0 && x.columns == 0) throw std::invalid_argument("argmax: rows are empty");
  context.backend().argmax(context, x, indices);
}

}  // namespace vedette::models::ops
