#include "models/backend/cpu/attention_cpu.h"

#include <algorithm>
#include <cstring>

#include "models/backend/cpu/kernels/attention.h"
#include "models/backend/cpu/ops_cpu.h"

namespace vedette::models::backend::cpu {

namespace {

using kernels::AttentionArgs;
using kernels::kPageTokens;

kernels::KvFormat kv_format(tensor::DType dtype) {
  return dtype == tensor::DType::kBF16 ? kernels::KvFormat::kBF16 : kernels::KvFormat::kF32;
}

std::int64_t pages_for(std::int64_t tokens) {
  return (tokens + kPageTokens - 1) / kPageTokens;
}

// One KV head of one sequence, and where its tasks stand among those of the batch.
struct HeadWork {
  AttentionArgs args;
  std::int64_t first_task = 0;
};

// Runs the tasks of all heads as one loop, so that small sequences share the threads.
void run_heads(ComputeContext& context, std::span<HeadWork> heads) {
  std::int64_t tasks = 0;
  for (HeadWork& head : heads) {
    head.first_task = tasks;
    tasks += kernels::attention_tasks(head.args.tokens, head.args.group);
  }
  context.parallel_for(tasks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const auto after =
          std::upper_bound(heads.begin(), heads.end(), task,
                           [](std::int64_t t, const HeadWork& head) { return t < head.first_task; });
      const HeadWork& head = *(after - 1);
      kernels::run_attention_task(head.args, task - head.first_task);
    }
  });
}

// Stores tokens [past, past + count) of one head, page by page. k, v: their first rows.
void store_tokens(kernels::KvFormat format, std::int64_t head_dim, const void* const* pages,
                  std::int64_t past, std::int64_t count, const float* k, std::int64_t k_stride,
                  const float* v, std::int64_t v_stride) {
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t row = (past + done) % kPageTokens;
    const std::int64_t here = std::min(count - done, kPageTokens - row);
    void* page = const_cast<void*>(pages[(past + done) / kPageTokens]);
    kernels::kv_store(format, page, head_dim, row, here, k + done * k_stride, k_stride, v + done * v_stride,
                      v_stride);
    done += here;
  }
}

// The blocks of one layer and head in the first `count` pages of a sequence.
const void* const* blocks_of(ComputeContext& context, const PagedKv& kv, const KvSlice& slice, int head,
                             std::int64_t count) {
  const auto blocks = context.array<const void*>(count);
  const std::size_t offset = kv.layout->block_offset(kv.layer, head);
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = slice.pages[i] + offset;
  return blocks.data();
}

AttentionArgs paged_args(ComputeContext& context, Matrix q, const PagedKv& kv, const KvSlice& slice,
                         int kv_head, bool causal, float scale) {
  const std::int64_t head_dim = kv.layout->head_dim;
  AttentionArgs args;
  args.format = kv_format(kv.layout->dtype);
  args.head_dim = head_dim;
  args.scale = scale;
  args.keys = slice.past + (causal ? slice.count : 0);
  args.pages = blocks_of(context, kv, slice, kv_head, pages_for(args.keys));
  args.group = q.columns / head_dim / kv.layout->kv_heads;
  args.q = q.row(slice.first) + kv_head * args.group * head_dim;
  args.ldq = q.stride;
  args.tokens = slice.count;
  args.first_visible = causal ? slice.past + 1 : args.keys;
  return args;
}

}  // namespace

KvLayout kv_layout(int layers, int kv_heads, int head_dim, tensor::DType dtype) {
  return {layers,   kv_heads,
          head_dim, static_cast<int>(kPageTokens),
          dtype,    static_cast<std::size_t>(kernels::kv_page_bytes(kv_format(dtype), head_dim))};
}

void attention(ComputeContext& context, Matrix q, Matrix k, Matrix v,
               std::span<const AttentionSegment> segments, int heads, float scale, Matrix y) {
  attend(context, {q, k, v}, segments, heads, scale, {y});
}

void attend(ComputeContext& context, const AttentionInput& x, std::span<const AttentionSegment> segments,
            int heads, float scale, const AttentionOutput& y) {
  const std::int64_t head_dim = x.q.columns / heads;
  const kernels::KvFormat format = kv_format(context.dtype());
  const std::int64_t block_bytes = kernels::kv_page_bytes(format, head_dim);
  // Pages hold more than the tokens' own values where the kernels pad heads to whole vectors.
  const bool padded =
      block_bytes != 2 * kPageTokens * head_dim * static_cast<std::int64_t>(tensor::size_of(context.dtype()));
  for (const auto& segment : segments) {
    const ScratchScope scope(context.scratch());
    const std::int64_t pages = pages_for(segment.key_count);
    const auto blocks = context.array<const void*>(heads * pages);
    std::byte* memory = context.scratch().take(static_cast<std::size_t>(heads * pages * block_bytes));
    const auto work = context.array<HeadWork>(heads);
    context.parallel_for(heads * pages, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t column = block / pages * head_dim, first = block % pages * kPageTokens;
        const std::int64_t count = std::min(kPageTokens, segment.key_count - first);
        const std::int64_t row = segment.key_first + first;
        std::byte* page = memory + block * block_bytes;
        blocks[static_cast<std::size_t>(block)] = page;
        if (padded || count < kPageTokens) std::memset(page, 0, static_cast<std::size_t>(block_bytes));
        if (x.k_bf16 != nullptr) {
          const std::int64_t at = row * x.stride_bf16 + column;
          kernels::kv_store(page, head_dim, 0, count, x.k_bf16 + at, x.stride_bf16, x.v_bf16 + at,
                            x.stride_bf16);
        } else {
          kernels::kv_store(format, page, head_dim, 0, count, x.k.row(row) + column, x.k.stride,
                            x.v.row(row) + column, x.v.stride);
        }
      }
    });
    for (std::int64_t head = 0; head < heads; ++head) {
      AttentionArgs args;
      args.format = format;
      args.head_dim = head_dim;
      args.scale = scale;
      args.pages = blocks.data() + head * pages;
      args.keys = args.first_visible = segment.key_count;
      args.q = x.q.row(segment.query_first) + head * head_dim;
      args.ldq = x.q.stride;
      args.tokens = segment.query_count;
      if (y.tiles == nullptr) {
        args.out = y.rows.row(segment.query_first) + head * head_dim;
        args.ldo = y.rows.stride;
      } else {
        args.tiles = y.tiles;
        args.ldo = y.k_padded;
        args.tile_row = segment.query_first;
        args.tile_column = head * head_dim;
      }
      new (&work[static_cast<std::size_t>(head)]) HeadWork{args};
    }
    run_heads(context, work);
  }
}

void append_kv(ComputeContext& context, Matrix k, Matrix v, const PagedKv& kv) {
  const KvLayout& layout = *kv.layout;
  const auto pairs = static_cast<std::int64_t>(kv.slices.size()) * layout.kv_heads;
  const ScratchScope scope(context.scratch());
  const auto blocks = context.array<const void* const*>(pairs);
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const KvSlice& slice = kv.slices[static_cast<std::size_t>(pair / layout.kv_heads)];
    blocks[static_cast<std::size_t>(pair)] = blocks_of(
        context, kv, slice, static_cast<int>(pair % layout.kv_heads), pages_for(slice.past + slice.count));
  }
  const std::int64_t grain = k.rows < 64 ? pairs : 1;  // a few tokens are not worth handing out
  context.parallel_for(pairs, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pair = begin; pair < end; ++pair) {
      const KvSlice& slice = kv.slices[static_cast<std::size_t>(pair / layout.kv_heads)];
      const std::int64_t column = pair % layout.kv_heads * layout.head_dim;
      store_tokens(kv_format(layout.dtype), layout.head_dim, blocks[static_cast<std::size_t>(pair)],
                   slice.past, slice.count, k.row(slice.first) + column, k.stride,
                   v.row(slice.first) + column, v.stride);
    }
  });
}

void rotate_keys(ComputeContext& context, const KvLayout& layout, std::span<std::byte* const> pages,
                 Matrix cos, Matrix sin) {
  context.parallel_for(static_cast<std::int64_t>(pages.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t page = begin; page < end; ++page) {
      for (int block = 0; block < layout.layers * layout.kv_heads; ++block) {
        kernels::kv_rotate(kv_format(layout.dtype),
                           pages[static_cast<std::size_t>(page)] + layout.block_offset(0, block),
                           layout.head_dim, cos.data, sin.data);
      }
    }
  });
}

void paged_attention(ComputeContext& context, Matrix q, const PagedKv& kv, bool causal, float scale,
                     Matrix y) {
  const int kv_heads = kv.layout->kv_heads;
  const ScratchScope scope(context.scratch());
  const auto work = context.array<HeadWork>(static_cast<std::int64_t>(kv.slices.size()) * kv_heads);
  std::size_t next = 0;
  for (const auto& slice : kv.slices) {
    for (int head = 0; head < kv_heads; ++head) {
      AttentionArgs args = paged_args(context, q, kv, slice, head, causal, scale);
      args.out = y.row(slice.first) + (args.q - q.row(slice.first));
      args.ldo = y.stride;
      new (&work[next++]) HeadWork{args};
    }
  }
  run_heads(context, work);
}

void paged_attention_weights(ComputeContext& context, Matrix q, const PagedKv& kv, int head, float scale,
                             Matrix weights) {
  const std::int64_t head_dim = kv.layout->head_dim;
  const std::int64_t group = q.columns / head_dim / kv.layout->kv_heads;
  const ScratchScope scope(context.scratch());
  for (const auto& slice : kv.slices) {
    AttentionArgs args = paged_args(context, q, kv, slice, static_cast<int>(head / group), false, scale);
    args.q = q.row(slice.first) + head * head_dim;
    args.group = 1;
    context.parallel_for(slice.count, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        kernels::attention_probabilities(args, i, weights.row(slice.first + i));
      }
    });
  }
}

}  // namespace vedette::models::backend::cpu
