#include "models/ops/attention.h"

#include "models/ops/check.h"

namespace vedette::models::ops {

namespace {

void check_rows(const char* op, std::int64_t first, std::int64_t count, std::int64_t rows) {
  if (first >= 0 && count >= 0 && first <= rows - count) return;
  throw std::invalid_argument(std::string(op) + ": rows " + std::to_string(first) + " to " +
                              std::to_string(first + count) + " of " + std::to_string(rows));
}

// `appended`: whether the pages hold the slices' own tokens besides the past ones.
void check_slices(const char* op, const PagedKv& kv, std::int64_t rows, bool appended) {
  for (const auto& slice : kv.slices) {
    check_rows(op, slice.first, slice.count, rows);
    const std::int64_t tokens = slice.past + (appended ? slice.count : 0);
    const auto room = static_cast<std::int64_t>(slice.pages.size()) * kv.layout->page_tokens;
    if (slice.past < 0 || tokens > room) {
      throw std::invalid_argument(std::string(op) + ": " + std::to_string(tokens) + " tokens in pages for " +
                                  std::to_string(room));
    }
  }
  if (kv.layer < 0 || kv.layer >= kv.layout->layers) {
    throw std::invalid_argument(std::string(op) + ": layer " + std::to_string(kv.layer) + " of " +
                                std::to_string(kv.layout->layers));
  }
}

void check_query(const char* op, Matrix q, const PagedKv& kv) {
  expect(op, "columns of q past whole groups of heads",
         q.columns % (kv.layout->kv_heads * kv.layout->head_dim), 0);
}

void check_output(const char* op, Matrix q, Matrix y) {
  expect(op, "rows of y", y.rows, q.rows);
  expect(op, "columns of y", y.columns, q.columns);
}

}  // namespace

void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
               std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) {
  check_output("attention", q, y);
  if (heads < 1) throw std::invalid_argument("attention: no heads");
  expect("attention", "columns past whole heads", q.columns % heads, 0);
  expect("attention", "columns of k", k.columns, q.columns);
  expect("attention", "columns of v", v.columns, q.columns);
  expect("attention", "rows of v", v.rows, k.rows);
  for (const auto& segment : segments) {
    check_rows("attention", segment.query_first, segment.query_count, q.rows);
    check_rows("attention", segment.key_first, segment.key_count, k.rows);
    if (segment.query_count > 0 && segment.key_count == 0)
      throw std::invalid_argument("attention: a segment has no keys");
  }
  context.backend().attention(context, q, k, v, segments, heads, scale, y);
}

void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) {
  expect("append_kv", "columns of k", k.columns, kv.layout->kv_heads * kv.layout->head_dim);
  expect("append_kv", "columns of v", v.columns, k.columns);
  expect("append_kv", "rows of v", v.rows, k.rows);
  check_slices("append_kv", kv, k.rows, true);
  context.backend().append_kv(context, k, v, kv);
}

void causal_attention(ComputeContext& context, Matrix q, const PagedKv& kv, float scale, Matrix y) {
  check_output("causal_attention", q, y);
  check_query("causal_attention", q, kv);
  check_slices("causal_attention", kv, q.rows, true);
  context.backend().paged_attention(context, q, kv, true, scale, y);
}

void cross_attention(ComputeContext& context, Matrix q, const PagedKv& kv, float scale, Matrix y) {
  check_output("cross_attention", q, y);
  check_query("cross_attention", q, kv);
  check_slices("cross_attention", kv, q.rows, false);
  for (const auto& slice : kv.slices) {
    if (slice.count > 0 && slice.past == 0)
      throw std::invalid_argument("cross_attention: a slice has no keys");
  }
  context.backend().paged_attention(context, q, kv, false, scale, y);
}

void cross_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                             Matrix weights) {
  check_query("cross_attention_weights", q, kv);
  check_slices("cross_attention_weights", kv, q.rows, false);
  expect("cross_attention_weights", "rows of the weights", weights.rows, q.rows);
  if (head < 0 || head >= q.columns / kv.layout->head_dim) {
    throw std::invalid_argument("cross_attention_weights: no head " + std::to_string(head));
  }
  for (const auto& slice : kv.slices) {
    if (slice.past > weights.columns) throw std::invalid_argument("cross_attention_weights: too few columns");
  }
  context.backend().paged_attention_weights(context, q, kv, head, scale, weights);
}

}  // namespace vedette::models::ops
