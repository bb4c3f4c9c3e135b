#include <algorithm>
#include <cmath>

#include "models/backend/cpu/ops_cpu.h"

namespace vedette::models::backend::cpu {

namespace {

float dot(const float* a, const float* b, std::int64_t count) {
  float sum = 0.0F;
  for (std::int64_t c = 0; c < count; ++c) sum += a[c] * b[c];
  return sum;
}

void softmax_in_place(float* values, std::int64_t count) {
  const float top = *std::max_element(values, values + count);
  float sum = 0.0F;
  for (std::int64_t j = 0; j < count; ++j) sum += values[j] = std::exp(values[j] - top);
  for (std::int64_t j = 0; j < count; ++j) values[j] /= sum;
}

constexpr int kPageTokens = 32;

// A block is page_tokens rows of keys, then as many of values.
std::size_t values_offset(const KvLayout& layout) {
  return layout.block_bytes / 2;
}

float kv_element(const KvLayout& layout, const std::byte* block, std::int64_t row, std::int64_t c) {
  const std::int64_t index = row * layout.head_dim + c;
  if (layout.dtype == tensor::DType::kF32) return reinterpret_cast<const float*>(block)[index];
  return tensor::to_float(reinterpret_cast<const tensor::BFloat16*>(block)[index]);
}

void store_row(const KvLayout& layout, std::byte* block, std::int64_t row, const float* src) {
  for (std::int64_t c = 0; c < layout.head_dim; ++c) {
    const std::int64_t index = row * layout.head_dim + c;
    if (layout.dtype == tensor::DType::kF32) {
      reinterpret_cast<float*>(block)[index] = src[c];
    } else {
      reinterpret_cast<tensor::BFloat16*>(block)[index] = tensor::to_bfloat16(src[c]);
    }
  }
}

// Softmax of one query over the first `keys` tokens of a slice.
void score_row(const PagedKv& kv, const KvSlice& slice, int kv_head, const float* query, float scale,
               std::int64_t keys, float* weights) {
  const KvLayout& layout = *kv.layout;
  for (std::int64_t j = 0; j < keys; ++j) {
    const std::byte* block = slice.pages[static_cast<std::size_t>(j / layout.page_tokens)] +
                             layout.block_offset(kv.layer, kv_head);
    float sum = 0.0F;
    for (int c = 0; c < layout.head_dim; ++c)
      sum += query[c] * kv_element(layout, block, j % layout.page_tokens, c);
    weights[j] = sum * scale;
  }
  softmax_in_place(weights, keys);
}

}  // namespace

KvLayout kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype) {
  const std::size_t block = 2 * static_cast<std::size_t>(kPageTokens * head_dim) * tensor::size_of(dtype);
  return {layers, kv_heads, head_dim, kPageTokens, dtype, block};
}

void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
               std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) {
  const std::int64_t head_dim = q.columns / heads;
  const ScratchScope scope(context.scratch());
  for (const auto& segment : segments) {
    const Matrix scores = context.matrix(segment.query_count, segment.key_count);
    for (int head = 0; head < heads; ++head) {
      const std::int64_t base = head * head_dim;
      context.parallel_for(segment.query_count, 8, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          float* weights = scores.row(i);
          const float* query = q.row(segment.query_first + i) + base;
          for (std::int64_t j = 0; j < segment.key_count; ++j) {
            weights[j] = dot(query, k.row(segment.key_first + j) + base, head_dim) * scale;
          }
          softmax_in_place(weights, segment.key_count);
          float* out = y.row(segment.query_first + i) + base;
          std::fill_n(out, head_dim, 0.0F);
          for (std::int64_t j = 0; j < segment.key_count; ++j) {
            const float* value = v.row(segment.key_first + j) + base;
            for (std::int64_t c = 0; c < head_dim; ++c) out[c] += weights[j] * value[c];
          }
        }
      });
    }
  }
}

void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) {
  const KvLayout& layout = *kv.layout;
  for (const auto& slice : kv.slices) {
    context.parallel_for(slice.count, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t token = slice.past + i;
        std::byte* page = slice.pages[static_cast<std::size_t>(token / layout.page_tokens)];
        for (int head = 0; head < layout.kv_heads; ++head) {
          const std::int64_t row = token % layout.page_tokens,
                             base = static_cast<std::int64_t>(head) * layout.head_dim;
          store_row(layout, page + layout.block_offset(kv.layer, head), row, k.row(slice.first + i) + base);
          store_row(layout, page + layout.block_offset(kv.layer, head) + values_offset(layout), row,
                    v.row(slice.first + i) + base);
        }
      }
    });
  }
}

void paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal, float scale,
                     Matrix y) {
  const KvLayout& layout = *kv.layout;
  const std::int64_t heads = q.columns / layout.head_dim, group = heads / layout.kv_heads;
  for (const auto& slice : kv.slices) {
    const ScratchScope scope(context.scratch());
    const std::int64_t longest = causal ? slice.past + slice.count : slice.past;
    const Matrix scores = context.matrix(slice.count * heads, longest);
    context.parallel_for(slice.count * heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t item = begin; item < end; ++item) {
        const std::int64_t i = item / heads, head = item % heads;
        const std::int64_t keys = causal ? slice.past + i + 1 : slice.past;
        const int kv_head = static_cast<int>(head / group);
        score_row(kv, slice, kv_head, q.row(slice.first + i) + head * layout.head_dim, scale, keys,
                  scores.row(item));
        float* out = y.row(slice.first + i) + head * layout.head_dim;
        std::fill_n(out, layout.head_dim, 0.0F);
        for (std::int64_t j = 0; j < keys; ++j) {
          const std::byte* block = slice.pages[static_cast<std::size_t>(j / layout.page_tokens)] +
                                   layout.block_offset(kv.layer, kv_head) + values_offset(layout);
          for (int c = 0; c < layout.head_dim; ++c) {
            out[c] += scores.row(item)[j] * kv_element(layout, block, j % layout.page_tokens, c);
          }
        }
      }
    });
  }
}

void paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                             Matrix weights) {
  const KvLayout& layout = *kv.layout;
  const std::int64_t group = q.columns / layout.head_dim / layout.kv_heads;
  for (const auto& slice : kv.slices) {
    context.parallel_for(slice.count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        score_row(kv, slice, static_cast<int>(head / group), q.row(slice.first + i) + head * layout.head_dim,
                  scale, slice.past, weights.row(slice.first + i));
      }
    });
  }
}

}  // namespace vedette::models::backend::cpu
