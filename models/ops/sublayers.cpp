#include "models/ops/sublayers.h"

#include "models/ops/check.h"

namespace vedette::models::ops {

namespace {

backend::LayerNorm checked(const char* op, const Norm& norm, std::int64_t columns) {
  return {vector_of(op, norm.weight, columns), vector_of(op, norm.bias, columns), norm.epsilon};
}

void check_linear(const char* op, const PackedLinear& w, std::int64_t in, std::int64_t out) {
  expect(op, "input channels", w.in, in);
  expect(op, "output channels", w.out, out);
}

}  // namespace

void self_attention(ComputeContext& context, const Norm& norm, const SelfAttention& weights,
                    std::span<const AttentionSegment> segments, Matrix x) {
  constexpr const char* kOp = "self_attention";
  check_linear(kOp, weights.qkv, x.columns, 3 * x.columns);
  check_linear(kOp, weights.out, x.columns, x.columns);
  if (weights.heads < 1) throw std::invalid_argument("self_attention: no heads");
  expect(kOp, "columns past whole heads", x.columns % weights.heads, 0);
  std::int64_t rows = 0;
  for (const AttentionSegment& segment : segments) {
    expect(kOp, "first query of a segment", segment.query_first, rows);
    rows += segment.query_count;
    if (segment.key_count < 1 || segment.key_first < segment.query_first ||
        segment.key_count > rows - segment.key_first) {
      throw std::invalid_argument("self_attention: keys " + std::to_string(segment.key_first) + " to " +
                                  std::to_string(segment.key_first + segment.key_count) + " of queries " +
                                  std::to_string(segment.query_first) + " to " + std::to_string(rows));
    }
  }
  expect(kOp, "rows of the segments", rows, x.rows);
  if (rows == 0) return;
  context.backend().self_attention(context, checked(kOp, norm, x.columns), weights.qkv, segments,
                                   weights.heads, weights.scale, weights.out, x);
}

void mlp(ComputeContext& context, const Norm& norm, const PackedLinear& w1, Activation activation,
         const PackedLinear& w2, Matrix x) {
  check_linear("mlp", w1, x.columns, w2.in);
  check_linear("mlp", w2, w1.out, x.columns);
  if (x.rows != 0) context.backend().mlp(context, checked("mlp", norm, x.columns), w1, activation, w2, x);
}

}  // namespace vedette::models::ops
