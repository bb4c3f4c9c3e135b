#include <vector>

#include "models/backend/cuda/cuda_backend.h"
#include "models/backend/cuda/device_kernels.h"

namespace vedette::models::backend::cuda {

namespace {

constexpr int kPageTokens = 32;
constexpr int kMaxHeadDim = 256;

AttentionShape shape_of(const KvLayout& layout, float scale) {
  return {layout.head_dim, layout.page_tokens, layout.dtype == tensor::DType::kBF16, scale};
}

}  // namespace

KvLayout CudaBackend::kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype) const {
  if (head_dim < 1 || head_dim > kMaxHeadDim) {
    throw std::invalid_argument("a head of " + std::to_string(head_dim) +
                                " dimensions; 1 to 256 are possible");
  }
  const std::size_t bytes = 2 * kPageTokens * static_cast<std::size_t>(head_dim) * tensor::size_of(dtype);
  return {layers, kv_heads, head_dim, kPageTokens, dtype, (bytes + 63) / 64 * 64};
}

void CudaBackend::attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
                            std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) {
  const int head_dim = static_cast<int>(q.columns / heads);
  std::vector<AttentionRow> rows;
  for (const auto& segment : segments) {
    for (std::int64_t i = 0; i < segment.query_count * heads; ++i) {
      const std::int64_t row = segment.query_first + i / heads, column = i % heads * head_dim;
      AttentionRow work{};
      work.q = q.row(row) + column;
      work.y = y.row(row) + column;
      work.keys = segment.key_count;
      work.k = k.row(segment.key_first) + column;
      work.v = v.row(segment.key_first) + column;
      work.stride = k.stride;
      rows.push_back(work);
    }
  }
  if (k.stride != v.stride) throw std::invalid_argument("keys and values with rows of different strides");
  if (rows.empty()) return;
  const ScratchScope scope(context.scratch());
  attend(stream_, upload(context, std::span<const AttentionRow>(rows)),
         static_cast<std::int64_t>(rows.size()), {head_dim, 0, false, scale});
}

void CudaBackend::append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) {
  const KvLayout& layout = *kv.layout;
  std::vector<KvTarget> targets;
  for (const auto& slice : kv.slices) {
    for (std::int64_t i = 0; i < slice.count * layout.kv_heads; ++i) {
      const std::int64_t token = i / layout.kv_heads, at = slice.past + token;
      const int head = static_cast<int>(i % layout.kv_heads);
      std::byte* page = slice.pages[static_cast<std::size_t>(at / layout.page_tokens)];
      targets.push_back({k.row(slice.first + token) + head * layout.head_dim,
                         v.row(slice.first + token) + head * layout.head_dim,
                         page + layout.block_offset(kv.layer, head),
                         static_cast<int>(at % layout.page_tokens)});
    }
  }
  if (targets.empty()) return;
  const ScratchScope scope(context.scratch());
  store_kv(stream_, upload(context, std::span<const KvTarget>(targets)),
           static_cast<std::int64_t>(targets.size()), shape_of(layout, 1.0F));
}

void CudaBackend::rotate_keys(ComputeContext& context, const KvLayout& layout,
                              std::span<std::byte* const> pages, Matrix cos, Matrix sin) {
  if (pages.empty()) return;
  const ScratchScope scope(context.scratch());
  rotate_kv(stream_, upload(context, pages), static_cast<std::int64_t>(pages.size()),
            layout.layers * layout.kv_heads, layout.block_bytes, cos.data, sin.data, shape_of(layout, 1.0F));
}

void CudaBackend::paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal,
                                  float scale, Matrix y) {
  const KvLayout& layout = *kv.layout;
  const std::int64_t heads = q.columns / layout.head_dim, group = heads / layout.kv_heads;
  const ScratchScope scope(context.scratch());
  std::vector<AttentionRow> rows;
  for (const auto& slice : kv.slices) {
    std::byte* const* pages = upload(context, slice.pages);
    for (std::int64_t i = 0; i < slice.count * heads; ++i) {
      const std::int64_t token = i / heads, head = i % heads;
      AttentionRow work{};
      work.q = q.row(slice.first + token) + head * layout.head_dim;
      work.y = y.row(slice.first + token) + head * layout.head_dim;
      work.keys = slice.past + (causal ? token + 1 : 0);
      work.pages = pages;
      work.offset = layout.block_offset(kv.layer, static_cast<int>(head / group));
      rows.push_back(work);
    }
  }
  if (rows.empty()) return;
  attend(stream_, upload(context, std::span<const AttentionRow>(rows)),
         static_cast<std::int64_t>(rows.size()), shape_of(layout, scale));
}

void CudaBackend::paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head,
                                          float scale, Matrix weights) {
  const KvLayout& layout = *kv.layout;
  const int group = static_cast<int>(q.columns / layout.head_dim / layout.kv_heads);
  const ScratchScope scope(context.scratch());
  std::vector<AttentionRow> rows;
  for (const auto& slice : kv.slices) {
    std::byte* const* pages = upload(context, slice.pages);
    for (std::int64_t token = 0; token < slice.count; ++token) {
      AttentionRow work{};
      work.q = q.row(slice.first + token) + static_cast<std::int64_t>(head) * layout.head_dim;
      work.y = weights.row(slice.first + token);
      work.keys = slice.past;
      work.pages = pages;
      work.offset = layout.block_offset(kv.layer, head / group);
      rows.push_back(work);
    }
  }
  if (rows.empty()) return;
  attention_weights(stream_, upload(context, std::span<const AttentionRow>(rows)),
                    static_cast<std::int64_t>(rows.size()), shape_of(layout, scale));
}

}  // namespace vedette::models::backend::cuda
