#include "models/backend/cpu/kernels/gemm.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "models/backend/cpu/kernels/isa.h"
#include "models/backend/cpu/kernels/microkernels.h"

namespace vedette::models::backend::cpu::kernels {

namespace {

constexpr std::int64_t kMaxRowBlock = 384;  // rows of one task: its sums are 48 KiB on the stack
constexpr std::int64_t kFewRows =
    16;  // up to here a product is bound by memory, and int8 rows are best everywhere
constexpr std::int64_t kL2Panels = 1024 * 1024;  // bytes of weights

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}
std::int64_t groups_of(const PackedMatrix& w) {
  return w.k_padded / kInt8Group;
}

std::int64_t row_bytes_of(const PackedMatrix& w, ActivationFormat format) {
  switch (format) {
    case ActivationFormat::kF32: return w.k * 4;
    case ActivationFormat::kBF16:
    case ActivationFormat::kTiles: return w.k_padded * 2;
    case ActivationFormat::kInt8: return round_up(groups_of(w) * (kInt8Group + 8), 64);
  }
  return 0;
}

// One panel, widened to the activations' format block by block where it is stored in a smaller one.
void multiply_panel(const PackedMatrix& w, const std::uint8_t* panel, const Activations& a,
                    std::int64_t first, std::int64_t rows, float* tile) {
  const std::uint8_t* row = static_cast<const std::uint8_t*>(a.data) + first * a.row_bytes;
  if (a.format == ActivationFormat::kInt8) {
    tile_int8(panel, groups_of(w), row, a.row_bytes, rows, tile, kPanel);
    return;
  }
  if (a.format == ActivationFormat::kTiles) {
    const auto* x = reinterpret_cast<const BFloat16*>(row);
    alignas(64) BFloat16 narrowed[kWideBlock * kPanel];
    for (std::int64_t at = 0; at < w.k_padded; at += kWideBlock) {
      // A block of the panel stays in the L1 cache over all rows.
      const std::int64_t k = std::min(kWideBlock, w.k_padded - at);
      const BFloat16* block = reinterpret_cast<const BFloat16*>(panel) + at * kPanel;
      if (w.format == WeightFormat::kInt8) {
        narrow_int8_panel(panel + at / kInt8Group * kInt8GroupBytes, k / kInt8Group, narrowed);
        block = narrowed;
      }
      tiles_bf16_amx(block, k, x + at * kAmxRows, w.k_padded, round_up(rows, kAmxRows), tile, at != 0);
    }
    return;
  }
  if (a.format == ActivationFormat::kBF16) {
    assert(w.format == WeightFormat::kBF16);  // 8-bit weights want bytes, or tiles
    const auto* whole = reinterpret_cast<const BFloat16*>(panel);
    tile_bf16({&whole, 1, w.k_padded}, reinterpret_cast<const BFloat16*>(row), a.row_bytes / 2, rows, tile,
              kPanel, false);
    return;
  }
  const auto* x = reinterpret_cast<const float*>(row);
  const std::int64_t lda = a.row_bytes / 4;
  if (w.format == WeightFormat::kF32) {
    tile_f32(reinterpret_cast<const float*>(panel), w.k, x, lda, rows, tile, kPanel, false);
    return;
  }
  alignas(64) float block[kWideBlock * kPanel];
  for (std::int64_t at = 0; at < w.k; at += kWideBlock) {
    const std::int64_t padded = std::min(kWideBlock, w.k_padded - at), k = std::min(kWideBlock, w.k - at);
    if (w.format == WeightFormat::kBF16) {
      widen_bf16_panel(reinterpret_cast<const BFloat16*>(panel) + at * kPanel, padded, block);
    } else {
      widen_int8_panel(panel + at / kInt8Group * kInt8GroupBytes, padded / kInt8Group, block);
    }
    tile_f32(block, k, x + at, lda, rows, tile, kPanel, at != 0);
  }
}

// Fetches the lines that a tile will be written to, which come while it is multiplied.
void prefetch_output(const Epilogue& epilogue, std::int64_t row, std::int64_t rows, std::int64_t column) {
  const float* out = epilogue.f32 + row * epilogue.ld + column;
  for (std::int64_t r = 0; r < rows; ++r, out += epilogue.ld) {
    __builtin_prefetch(out, 1);
    __builtin_prefetch(out + kPanel / 2, 1);
  }
}

}  // namespace

void tile_bf16(const PanelRun& panel, const BFloat16* a, std::int64_t lda, std::int64_t rows, float* tile,
               std::int64_t ld, bool add) {
  std::int64_t done = 0;
  if (current_isa() >= Isa::kAmx) {
    done = rows / 16 * 16;
    tile_bf16_amx(panel, a, lda, done, tile, ld, add);
  }
  if (done < rows) tile_bf16_dot(panel, a + done * lda, lda, rows - done, tile + done * ld, ld, add);
}

ActivationFormat activation_format(const PackedMatrix& w, std::int64_t m) {
  if (w.format == WeightFormat::kF32 || current_isa() < Isa::kAvx512Bf16) return ActivationFormat::kF32;
  if (w.format == WeightFormat::kInt8 && (m <= kFewRows || current_isa() < Isa::kAmx))
    return ActivationFormat::kInt8;
  return m > kFewRows && current_isa() >= Isa::kAmx ? ActivationFormat::kTiles : ActivationFormat::kBF16;
}

std::int64_t activation_bytes(const PackedMatrix& w, std::int64_t m) {
  const ActivationFormat format = activation_format(w, m);
  const std::int64_t rows = format == ActivationFormat::kTiles ? round_up(m, kAmxRows) : m;
  return round_up(rows * row_bytes_of(w, format), 64);
}

Activations prepare_activations(const PackedMatrix& w, std::int64_t m, const float* a, std::int64_t lda,
                                std::int64_t first, std::int64_t count, void* scratch) {
  Activations result;
  result.format = activation_format(w, m);
  result.row_bytes = row_bytes_of(w, result.format);
  result.data = scratch;
  for (std::int64_t row = first; row < first + count; ++row) {
    const float* x = a + (row - first) * lda;
    auto* out = static_cast<std::uint8_t*>(scratch) + row * result.row_bytes;
    switch (result.format) {
      case ActivationFormat::kF32: std::memcpy(out, x, static_cast<std::size_t>(w.k) * 4); break;
      case ActivationFormat::kBF16:
        narrow_row(x, w.k, w.k_padded, reinterpret_cast<BFloat16*>(out), kAmxDepth);
        break;
      case ActivationFormat::kTiles:
        narrow_row(x, w.k, w.k_padded, static_cast<BFloat16*>(scratch) + tile_at(row, 0, w.k_padded),
                   kAmxRows * kAmxDepth);
        break;
      case ActivationFormat::kInt8: quantise_row(x, w.k, groups_of(w), out); break;
    }
  }
  return result;
}

std::int64_t tile_at(std::int64_t row, std::int64_t column, std::int64_t k_padded) {
  const std::int64_t in_group = row % kAmxRows;
  return (row - in_group) * k_padded + column / kAmxDepth * (kAmxRows * kAmxDepth) + in_group * kAmxDepth +
         column % kAmxDepth;
}

Activations borrow_activations(const float* a, std::int64_t lda) {
  return {ActivationFormat::kF32, a, lda * 4};
}
Activations borrow_activations(const BFloat16* a, std::int64_t lda) {
  return {ActivationFormat::kBF16, a, lda * 2};
}

GemmPlan plan_gemm(const PackedMatrix& w, std::int64_t m, int threads) {
  return plan_gemm(w, m, threads, 0, w.panels());
}

GemmPlan plan_gemm(const PackedMatrix& w, std::int64_t m, int threads, std::int64_t first_panel,
                   std::int64_t panels) {
  GemmPlan plan;
  plan.m = m;
  plan.first_panel = first_panel;
  plan.panels = panels;
  if (m <= 0) return plan;
  // Widened weights are reused by as many rows as possible; else a block of A should stay in the L2 cache.
  const ActivationFormat rows = activation_format(w, m);
  const bool widened =
      m > kFewRows && ((w.format == WeightFormat::kInt8 && rows != ActivationFormat::kInt8) ||
                       (w.format == WeightFormat::kBF16 && rows == ActivationFormat::kF32));
  const std::int64_t most = widened ? kMaxRowBlock : kMaxRowBlock / 2;
  plan.row_blocks = (m + most - 1) / most;
  const std::int64_t step =
      rows == ActivationFormat::kTiles ? 2 * kAmxRows : 96;  // whole calls of every kernel
  plan.row_block = std::min(most, round_up((m + plan.row_blocks - 1) / plan.row_blocks, step));
  plan.row_blocks = (m + plan.row_block - 1) / plan.row_block;
  const std::int64_t wanted =
      std::max<std::int64_t>(1, (8 * threads + plan.row_blocks - 1) / plan.row_blocks);
  constexpr std::int64_t kLeastTaskBytes =
      64 * 1024;  // of weights; less is not worth a hand-over between threads
  const std::int64_t least = std::max<std::int64_t>(1, m <= kFewRows ? kLeastTaskBytes / w.panel_bytes : 1);
  plan.panel_block = std::min(plan.panels, std::max(least, plan.panels / wanted));
  // Panels that stay in the L2 cache while all row blocks pass: AMX is faster than memory.
  if (rows == ActivationFormat::kTiles && plan.row_blocks > 1)
    plan.panel_block = std::clamp<std::int64_t>(kL2Panels / w.panel_bytes, 1, plan.panel_block);
  plan.panel_blocks = (plan.panels + plan.panel_block - 1) / plan.panel_block;
  return plan;
}

void run_gemm_task(const PackedMatrix& w, const Activations& a, const Epilogue& epilogue,
                   const GemmPlan& plan, std::int64_t task) {
  assert(a.format == activation_format(w, plan.m));
  const AmxScope amx;
  alignas(64) float tile[kMaxRowBlock * kPanel];
  const std::int64_t first_row = task % plan.row_blocks * plan.row_block;
  const std::int64_t rows = std::min(plan.row_block, plan.m - first_row);
  const std::int64_t first = task / plan.row_blocks * plan.panel_block;
  const std::int64_t last = std::min(plan.panels, first + plan.panel_block);
  for (std::int64_t p = first; p < last; ++p) {
    const std::int64_t stored = plan.first_panel + p;
    const auto* panel = static_cast<const std::uint8_t*>(w.data.get()) + stored * w.panel_bytes;
    if (epilogue.f32 != nullptr && a.format == ActivationFormat::kTiles)
      prefetch_output(epilogue, first_row, rows, p * kPanel);
    multiply_panel(w, panel, a, first_row, rows, tile);
    finish_tile(tile, rows, std::min(kPanel, w.n - stored * kPanel), epilogue, first_row, p * kPanel);
  }
}

}  // namespace vedette::models::backend::cpu::kernels
