#include "models/backend/cpu/kernels/attention.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>

#include "models/backend/cpu/kernels/attention_tile.h"
#include "models/backend/cpu/kernels/isa.h"
#include "models/backend/cpu/kernels/microkernels.h"
#include "models/backend/cpu/kernels/rows.h"

namespace vedette::models::backend::cpu::kernels {

namespace {

using tensor::BFloat16;
static_assert(kPageTokens == kPanel, "a page's keys are one panel");

constexpr float kLog2E = 1.44269504F;

// The two products of a block's rows, in the format of the pages.
class Products {
 public:
  Products(const AttentionArgs& args, AttentionBlock& block)
      : args_(args),
        block_(block),
        narrow_(args.format == KvFormat::kBF16 && current_isa() >= Isa::kAvx512Bf16) {}

  bool narrow() const { return narrow_; }  // queries and weights are bf16, scores are to base 2

  // Scores of the rows against the keys of pages [page, page + pages).
  void score(std::int64_t page, std::int64_t pages) const {
    for (std::int64_t p = 0; p < pages; ++p) {
      float* tile = block_.scores + p * kPageTokens;
      if (narrow_) {
        const auto* panel = static_cast<const BFloat16*>(args_.pages[page + p]);
        tile_bf16({&panel, 1, block_.width}, block_.narrow_query(), block_.width, block_.rows, tile,
                  kKeyBlock, false);
      } else {
        tile_f32(wide(args_.pages[page + p], block_.width), block_.width, block_.query, block_.width,
                 block_.rows, tile, kKeyBlock, false);
      }
    }
  }

  // Adds the values of these pages by the block's weights.
  void add_values(std::int64_t page, std::int64_t pages) const {
    for (std::int64_t column = 0; column < block_.width; column += kPanel) {
      float* tile = block_.sums + column;
      if (narrow_) {
        const BFloat16* pieces[kKeyBlock / kPageTokens];
        for (std::int64_t p = 0; p < pages; ++p)
          pieces[p] = static_cast<const BFloat16*>(values(page + p, column));
        tile_bf16({pieces, pages, kPageTokens}, block_.weights, kKeyBlock, block_.rows, tile, block_.width,
                  true);
        continue;
      }
      for (std::int64_t p = 0; p < pages; ++p) {
        tile_f32(wide(values(page + p, column), kPageTokens), kPageTokens, block_.scores + p * kPageTokens,
                 kKeyBlock, block_.rows, tile, block_.width, true);
      }
    }
  }

 private:
  const void* values(std::int64_t page, std::int64_t column) const {
    const std::int64_t at = kPageTokens * block_.width + column / kPanel * kPageTokens * kPanel;
    return static_cast<const std::uint8_t*>(args_.pages[page]) +
           at * (args_.format == KvFormat::kF32 ? 4 : 2);
  }

  const float* wide(const void* panel, std::int64_t k) const {
    if (args_.format == KvFormat::kF32) return static_cast<const float*>(panel);
    widen_bf16_panel(static_cast<const BFloat16*>(panel), k, block_.wide);
    return block_.wide;
  }

  const AttentionArgs& args_;
  AttentionBlock& block_;
  bool narrow_;
};

const float* query_row(const AttentionArgs& args, std::int64_t row) {
  return args.q + row / args.group * args.ldq + row % args.group * args.head_dim;
}

std::int64_t visible_keys(const AttentionArgs& args, std::int64_t row) {
  return std::clamp<std::int64_t>(args.first_visible + row / args.group, 0, args.keys);
}

// The query rows, scaled, and padded with zeros to the block's width.
void load_queries(const AttentionArgs& args, std::int64_t first, bool narrow, AttentionBlock& block) {
  const float scale = narrow ? args.scale * kLog2E : args.scale;
  for (std::int64_t r = 0; r < block.rows; ++r) {
    float* wide = block.query + r * block.width;
    BFloat16* out = block.narrow_query() + r * block.width;
    if (r + kRowsAhead < block.rows) prefetch_row(query_row(args, first + r + kRowsAhead), args.head_dim);
    scale_row(query_row(args, first + r), args.head_dim, scale, narrow ? nullptr : wide, out);
    if (narrow) {
      std::fill(out + args.head_dim, out + block.width, BFloat16{});
    } else {
      std::fill(wide + args.head_dim, wide + block.width, 0.0F);
    }
  }
}

void start(AttentionBlock& block, const AttentionArgs& args, std::int64_t rows) {
  block.rows = rows;
  block.width = padded_head_dim(args.head_dim);
  std::fill_n(block.sums, rows * block.width, 0.0F);
  std::fill_n(block.totals, rows * AttentionBlock::kLanes, 0.0F);
  std::fill_n(block.maxima, rows, kNoMaximum);
}

void store_rows(const AttentionArgs& args, std::int64_t first, const AttentionBlock& block) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    const float* totals = block.totals + r * AttentionBlock::kLanes;
    const float total = std::accumulate(totals, totals + AttentionBlock::kLanes, 0.0F);
    const float factor = total > 0.0F ? 1.0F / total : 0.0F;
    const float* sums = block.sums + r * block.width;
    const std::int64_t token = (first + r) / args.group, column = (first + r) % args.group * args.head_dim;
    if (args.out != nullptr) {
      scale_row(sums, args.head_dim, factor, args.out + token * args.ldo + column, nullptr);
      continue;
    }
    for (std::int64_t i = 0, count = 0; i < args.head_dim; i += count) {
      const std::int64_t to = args.tile_column + column + i;
      count = std::min(kAmxDepth - to % kAmxDepth, args.head_dim - i);
      scale_row(sums + i, count, factor, nullptr, args.tiles + tile_at(args.tile_row + token, to, args.ldo));
    }
  }
}

}  // namespace

void run_attention_task(const AttentionArgs& args, std::int64_t task) {
  const AmxScope amx;
  AttentionBlock block;
  const Products products(args, block);
  const std::int64_t first = task * kAttentionRows;
  start(block, args, std::min(kAttentionRows, args.tokens * args.group - first));
  assert(block.rows > 0);
  load_queries(args, first, products.narrow(), block);
  const std::int64_t keys = visible_keys(args, first + block.rows - 1);
  for (std::int64_t key = 0; key < keys; key += kKeyBlock) {
    const std::int64_t page = key / kPageTokens;
    const std::int64_t pages = (std::min(kKeyBlock, keys - key) + kPageTokens - 1) / kPageTokens;
    products.score(page, pages);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      block.visible[r] = std::min(visible_keys(args, first + r) - key, kKeyBlock);
    }
    if (products.narrow()) {
      softmax_block_bf16(block);
    } else {
      softmax_block_f32(block);
    }
    products.add_values(page, pages);
  }
  store_rows(args, first, block);
}

void attention_probabilities(const AttentionArgs& args, std::int64_t token, float* probabilities) {
  const AmxScope amx;
  AttentionBlock block;
  const Products products(args, block);
  start(block, args, 1);
  load_queries(args, token * args.group, products.narrow(), block);
  const std::int64_t keys = visible_keys(args, token * args.group);
  for (std::int64_t page = 0; page * kPageTokens < keys; ++page) {
    products.score(page, 1);
    const std::int64_t count = std::min(kPageTokens, keys - page * kPageTokens);
    std::memcpy(probabilities + page * kPageTokens, block.scores, static_cast<std::size_t>(count) * 4);
  }
  softmax(probabilities, keys, 1, keys, products.narrow() ? 1.0F / kLog2E : 1.0F);
  std::fill(probabilities + keys, probabilities + args.keys, 0.0F);
}

}  // namespace vedette::models::backend::cpu::kernels
