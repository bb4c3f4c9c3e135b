#include "models/backend/cpu/kernels/attention.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

#include "models/backend/cpu/kernels/attention_tile.h"
#include "models/backend/cpu/kernels/isa.h"
#include "models/backend/cpu/kernels/microkernels.h"
#include "models/backend/cpu/kernels/rows.h"

namespace vedette::models::backend::cpu::kernels {

namespace {

using tensor::BFloat16;
static_assert(kPageTokens == kPanel, "a page's keys are one panel");

// The query rows, scores and sums of one task. Uninitialised: only what the task's rows use is touched.
struct Block {
  alignas(64) float query[kAttentionRows * kMaxHeadDim];  // f32, or bf16 in its first half
  alignas(64) float scores[kAttentionRows * kKeyBlock];
  alignas(64) BFloat16 weights[kAttentionRows * kKeyBlock];
  alignas(64) float sums[kAttentionRows * kMaxHeadDim];
  alignas(64) float wide[kPageTokens * kMaxHeadDim];  // a bf16 panel as f32, where bf16 has no instructions
  SoftmaxState states[kAttentionRows];

  BFloat16* narrow_query() { return reinterpret_cast<BFloat16*>(query); }
};

// One product of the block's rows with a panel, in the format of the pages.
class Products {
 public:
  Products(KvFormat format, Block& block)
      : bf16_pages_(format == KvFormat::kBF16),
        dot_(bf16_pages_ && current_isa() >= Isa::kAvx512Bf16),
        block_(block) {}

  bool narrow() const { return dot_; }  // the rows are bf16

  // tile (+)= rows of `a` (bf16 where narrow(), else f32; `lda` elements apart) * panel
  void multiply(const void* panel, std::int64_t k, const void* a, std::int64_t lda, std::int64_t rows,
                float* tile, std::int64_t ld, bool add) const {
    if (dot_) {
      const auto* weights = static_cast<const BFloat16*>(panel);
      const auto* x = static_cast<const BFloat16*>(a);
      std::int64_t done = 0;
      if (current_isa() >= Isa::kAmx) {
        done = rows / 16 * 16;
        tile_bf16_amx(weights, k, x, lda, done, tile, ld, add);
      }
      if (done < rows) tile_bf16(weights, k, x + done * lda, lda, rows - done, tile + done * ld, ld, add);
      return;
    }
    const auto* weights = static_cast<const float*>(panel);
    if (bf16_pages_) {
      widen_bf16_panel(static_cast<const BFloat16*>(panel), k, block_.wide);
      weights = block_.wide;
    }
    tile_f32(weights, k, static_cast<const float*>(a), lda, rows, tile, ld, add);
  }

 private:
  bool bf16_pages_, dot_;
  Block& block_;
};

const float* query_row(const AttentionArgs& args, std::int64_t row) {
  return args.q + row / args.group * args.ldq + row % args.group * args.head_dim;
}

std::int64_t visible_keys(const AttentionArgs& args, std::int64_t row) {
  return std::clamp<std::int64_t>(args.first_visible + row / args.group, 0, args.keys);
}

const void* k_panel(const AttentionArgs& args, std::int64_t page) {
  return args.pages[page];
}
const void* v_panel(const AttentionArgs& args, std::int64_t page, std::int64_t column) {
  const std::int64_t width = padded_head_dim(args.head_dim);
  const std::int64_t element = args.format == KvFormat::kF32 ? 4 : 2;
  return static_cast<const std::uint8_t*>(args.pages[page]) +
         (kPageTokens * width + column / kPanel * kPageTokens * kPanel) * element;
}

void load_queries(const AttentionArgs& args, std::int64_t first, std::int64_t rows, bool narrow,
                  Block& block) {
  const std::int64_t width = padded_head_dim(args.head_dim);
  for (std::int64_t r = 0; r < rows; ++r) {
    load_query(query_row(args, first + r), args.head_dim, args.scale,
               narrow ? nullptr : block.query + r * width, block.narrow_query() + r * width);
  }
}

// Scores of the rows against the keys of pages [page, page + pages).
void score_pages(const AttentionArgs& args, const Products& products, std::int64_t rows, std::int64_t page,
                 std::int64_t pages, Block& block) {
  const std::int64_t width = padded_head_dim(args.head_dim);
  for (std::int64_t p = 0; p < pages; ++p) {
    products.multiply(k_panel(args, page + p), width, block.query, width, rows,
                      block.scores + p * kPageTokens, kKeyBlock, false);
  }
}

void add_values_of_pages(const AttentionArgs& args, const Products& products, std::int64_t rows,
                         std::int64_t page, std::int64_t pages, Block& block) {
  const std::int64_t width = padded_head_dim(args.head_dim);
  for (std::int64_t p = 0; p < pages; ++p) {
    const void* weights = products.narrow() ? static_cast<const void*>(block.weights + p * kPageTokens)
                                            : static_cast<const void*>(block.scores + p * kPageTokens);
    for (std::int64_t column = 0; column < width; column += kPanel) {
      products.multiply(v_panel(args, page + p, column), kPageTokens, weights, kKeyBlock, rows,
                        block.sums + column, width, true);
    }
  }
}

}  // namespace

void run_attention_task(const AttentionArgs& args, std::int64_t task) {
  const AmxScope amx;
  Block block;
  const Products products(args.format, block);
  const std::int64_t width = padded_head_dim(args.head_dim);
  const std::int64_t first = task * kAttentionRows;
  const std::int64_t rows = std::min(kAttentionRows, args.tokens * args.group - first);
  assert(rows > 0);
  load_queries(args, first, rows, products.narrow(), block);
  std::fill_n(block.sums, rows * width, 0.0F);
  std::fill_n(block.states, rows, SoftmaxState{-std::numeric_limits<float>::max(), 0.0F});
  const std::int64_t keys = visible_keys(args, first + rows - 1);
  for (std::int64_t key = 0; key < keys; key += kKeyBlock) {
    const std::int64_t page = key / kPageTokens;
    const std::int64_t pages = std::min(kKeyBlock, keys - key + kPageTokens - 1) / kPageTokens;
    score_pages(args, products, rows, page, pages, block);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t visible =
          std::clamp<std::int64_t>(visible_keys(args, first + r) - key, 0, kKeyBlock);
      softmax_block(block.scores + r * kKeyBlock, visible,
                    products.narrow() ? block.weights + r * kKeyBlock : nullptr, block.states[r],
                    block.sums + r * width, width);
    }
    add_values_of_pages(args, products, rows, page, pages, block);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t at = (first + r) / args.group * args.ldo + (first + r) % args.group * args.head_dim;
    const float sum = block.states[r].sum;
    scale_row(block.sums + r * width, args.head_dim, sum > 0.0F ? 1.0F / sum : 0.0F,
              args.out == nullptr ? nullptr : args.out + at,
              args.out_bf16 == nullptr ? nullptr : args.out_bf16 + at);
  }
}

void attention_probabilities(const AttentionArgs& args, std::int64_t token, float* probabilities) {
  Block block;
  const Products products(args.format, block);
  load_queries(args, token * args.group, 1, products.narrow(), block);
  const std::int64_t keys = visible_keys(args, token * args.group);
  for (std::int64_t page = 0; page * kPageTokens < keys; ++page) {
    score_pages(args, products, 1, page, 1, block);
    const std::int64_t count = std::min(kPageTokens, keys - page * kPageTokens);
    std::memcpy(probabilities + page * kPageTokens, block.scores, static_cast<std::size_t>(count) * 4);
  }
  softmax(probabilities, keys, 1, keys, 1.0F);
  std::fill(probabilities + keys, probabilities + args.keys, 0.0F);
}

}  // namespace vedette::models::backend::cpu::kernels
