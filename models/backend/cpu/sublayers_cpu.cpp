// Transformer sublayers whose rows stay as AMX loads them (kTiles) from one product to the next: bf16 instead
// of f32, written once and never converted.
#include <algorithm>

#include "models/backend/cpu/attention_cpu.h"
#include "models/backend/cpu/kernels/rows.h"
#include "models/backend/cpu/linear_cpu.h"
#include "models/backend/cpu/ops_cpu.h"

namespace vedette::models::backend::cpu {

namespace {

// Of x: what stands between the products then nearly fits the caches of two cores, and weights are still read
// by many rows.
constexpr std::int64_t kValuesAtOnce = 640 * 1024;
constexpr std::int64_t kMostNormed = 4096;  // columns: a row on the stack

bool takes_tiles(const PackedLinear& w, std::int64_t rows) {
  const kernels::PackedMatrix& matrix = matrix_of(w);
  return kernels::activation_format(matrix, rows) == kernels::ActivationFormat::kTiles &&
         matrix.k_padded == matrix.k;
}

tensor::BFloat16* take_tiles(ComputeContext& context, const PackedLinear& w, std::int64_t rows) {
  const auto bytes = static_cast<std::size_t>(kernels::activation_bytes(matrix_of(w), rows));
  return reinterpret_cast<tensor::BFloat16*>(context.scratch().take(bytes));
}

kernels::Activations as_activations(const PackedLinear& w, std::int64_t rows, tensor::BFloat16* tiles) {
  return kernels::prepare_activations(matrix_of(w), rows, nullptr, 0, 0, 0, tiles);
}

// norm(x) as w wants it.
kernels::Activations normed(ComputeContext& context, const LayerNorm& norm, Matrix x, const PackedLinear& w) {
  tensor::BFloat16* tiles = take_tiles(context, w, x.rows);
  context.parallel_for(x.rows, kRowsPerConversion, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) float row[kMostNormed];
    for (std::int64_t i = begin; i < end; ++i) {
      kernels::layer_norm(x.row(i), x.stride, 1, x.columns, norm.weight, norm.bias, norm.epsilon, row,
                          x.columns);
      kernels::prepare_activations(matrix_of(w), x.rows, row, x.columns, i, 1, tiles);
    }
  });
  return as_activations(w, x.rows, tiles);
}

// Of x, how many rows go next, so that all groups are about equal: whole pairs of tiles but for the last.
std::int64_t next_rows(Matrix left) {
  const std::int64_t groups = (left.rows * left.columns + kValuesAtOnce - 1) / kValuesAtOnce;
  return std::min(left.rows, ((left.rows + groups - 1) / groups + 31) / 32 * 32);
}

void mlp_rows(ComputeContext& context, const LayerNorm& norm, const PackedLinear& w1, Activation activation,
              const PackedLinear& w2, Matrix x) {
  const ScratchScope scope(context.scratch());
  tensor::BFloat16* middle = take_tiles(context, w2, x.rows);
  kernels::Epilogue epilogue = epilogue_of(w1, activation);
  epilogue.bf16 = middle;
  epilogue.ld = w2.in;
  epilogue.tiles = true;
  multiply(context, normed(context, norm, x, w1), x.rows, matrix_of(w1), epilogue);
  epilogue = epilogue_of(w2, Activation::kNone);
  write_rows(epilogue, x, x);
  multiply(context, as_activations(w2, x.rows, middle), x.rows, matrix_of(w2), epilogue);
}

void attend_rows(ComputeContext& context, const LayerNorm& norm, const PackedLinear& qkv,
                 std::span<const AttentionSegment> segments, int heads, float scale, const PackedLinear& out,
                 Matrix x) {
  const ScratchScope scope(context.scratch());
  const std::int64_t hidden = x.columns, panels = hidden / kernels::kPanel;
  const int threads = context.pool().threads();
  const kernels::PackedMatrix& projections = matrix_of(qkv);
  const kernels::Activations left = normed(context, norm, x, qkv);
  // Queries are scaled before they are rounded; keys and values are rounded where they are made.
  const Matrix q = context.matrix(x.rows, hidden);
  kernels::Epilogue epilogue = epilogue_of(qkv, Activation::kNone);
  write_rows(epilogue, {}, q);
  multiply(context, left, projections, epilogue, kernels::plan_gemm(projections, x.rows, threads, 0, panels));
  const auto kv = context.array<tensor::BFloat16>(x.rows * 2 * hidden);
  epilogue = epilogue_of(qkv, Activation::kNone);
  if (epilogue.bias != nullptr) epilogue.bias += hidden;
  epilogue.bf16 = kv.data();
  epilogue.ld = 2 * hidden;
  multiply(context, left, projections, epilogue,
           kernels::plan_gemm(projections, x.rows, threads, panels, 2 * panels));
  tensor::BFloat16* attended = take_tiles(context, out, x.rows);
  attend(context, {q, {}, {}, kv.data(), kv.data() + hidden, 2 * hidden}, segments, heads, scale,
         {{}, attended, hidden});
  epilogue = epilogue_of(out, Activation::kNone);
  write_rows(epilogue, x, x);
  multiply(context, as_activations(out, x.rows, attended), x.rows, matrix_of(out), epilogue);
}

}  // namespace

bool mlp(ComputeContext& context, const LayerNorm& norm, const PackedLinear& w1, Activation activation,
         const PackedLinear& w2, Matrix x) {
  if (!takes_tiles(w1, x.rows) || !takes_tiles(w2, x.rows) || x.columns > kMostNormed) return false;
  for (std::int64_t first = 0, count = 0; first < x.rows; first += count) {
    count = next_rows(x.row_range(first, x.rows - first));
    mlp_rows(context, norm, w1, activation, w2, x.row_range(first, count));
  }
  return true;
}

bool self_attention(ComputeContext& context, const LayerNorm& norm, const PackedLinear& qkv,
                    std::span<const AttentionSegment> segments, int heads, float scale,
                    const PackedLinear& out, Matrix x) {
  if (context.dtype() != tensor::DType::kBF16 || !takes_tiles(qkv, x.rows) || !takes_tiles(out, x.rows) ||
      x.columns > kMostNormed)
    return false;
  std::int64_t first = 0;
  const ScratchScope scope(context.scratch());
  const auto own = context.array<AttentionSegment>(static_cast<std::int64_t>(segments.size()));
  for (std::size_t done = 0; done < segments.size();) {
    // Whole segments, at least one; and no rest that is too small for tiles.
    const std::int64_t left = x.rows - first, wanted = next_rows(x.row_range(first, left));
    std::int64_t rows = 0;
    std::size_t count = 0;
    while (done + count < segments.size() &&
           (count == 0 || rows + segments[done + count].query_count / 2 < wanted ||
            !takes_tiles(qkv, left - rows))) {
      own[count] = segments[done + count];
      own[count].query_first -= first;
      own[count].key_first -= first;
      rows += own[count++].query_count;
    }
    attend_rows(context, norm, qkv, own.first(count), heads, scale, out, x.row_range(first, rows));
    first += rows;
    done += count;
  }
  return true;
}

}  // namespace vedette::models::backend::cpu
