// bf16 tiles by AMX: 16 rows x 32 values of A against 32 values x 16 columns of a panel per instruction.
#include <cassert>
#include <cstring>

#include "models/backend/cpu/kernels/isa.h"
#include "models/backend/cpu/kernels/microkernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VEDETTE_TARGET __attribute__((target("amx-tile,amx-bf16,avx512f")))

namespace vedette::models::backend::cpu::kernels {

namespace {

// Palette 1: tiles of up to 16 rows of 64 bytes (Intel SDM, LDTILECFG).
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// GCC 12 does not know that loading a tile (or the configuration beyond its first bytes) reads memory, and
// might leave out or delay the stores before it.
inline void publish_stores() {
  asm volatile("" ::: "memory");
}

// How rows of A lie: values from one row to the next, from 16 rows to the next, and from 32 values of k to
// the next.
struct RowLayout {
  std::int64_t row, group, step;
};

// Two tiles of rows against the panel's two tiles of columns: four sums in registers.
VEDETTE_TARGET void rows_32(const PanelRun& run, const BFloat16* a, const RowLayout& layout, float* tile,
                            std::int64_t ld, bool add) {
  publish_stores();
  const auto a_stride = static_cast<long>(layout.row * 2), tile_stride = static_cast<long>(ld * 4);
  constexpr long kPanelStride = kPanel * 4;
  if (add) {
    _tile_loadd(0, tile, tile_stride);
    _tile_loadd(1, tile + 16, tile_stride);
    _tile_loadd(2, tile + 16 * ld, tile_stride);
    _tile_loadd(3, tile + 16 * ld + 16, tile_stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (std::int64_t piece = 0; piece < run.count; ++piece) {
    const BFloat16* panel = run.pieces[piece];
    for (std::int64_t at = 0; at < run.k; at += 32, a += layout.step, panel += 32 * kPanel) {
      _tile_loadd(6, panel, kPanelStride);
      _tile_loadd(4, a, a_stride);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, panel + 32, kPanelStride);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, a + layout.group, a_stride);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, tile, tile_stride);
  _tile_stored(1, tile + 16, tile_stride);
  _tile_stored(2, tile + 16 * ld, tile_stride);
  _tile_stored(3, tile + 16 * ld + 16, tile_stride);
}

VEDETTE_TARGET void rows_16(const PanelRun& run, const BFloat16* a, const RowLayout& layout, float* tile,
                            std::int64_t ld, bool add) {
  publish_stores();
  const auto a_stride = static_cast<long>(layout.row * 2), tile_stride = static_cast<long>(ld * 4);
  constexpr long kPanelStride = kPanel * 4;
  if (add) {
    _tile_loadd(0, tile, tile_stride);
    _tile_loadd(1, tile + 16, tile_stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
  }
  for (std::int64_t piece = 0; piece < run.count; ++piece) {
    const BFloat16* panel = run.pieces[piece];
    for (std::int64_t at = 0; at < run.k; at += 32, a += layout.step, panel += 32 * kPanel) {
      _tile_loadd(4, a, a_stride);
      _tile_loadd(6, panel, kPanelStride);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, panel + 32, kPanelStride);
      _tile_dpbf16ps(1, 4, 7);
    }
  }
  _tile_stored(0, tile, tile_stride);
  _tile_stored(1, tile + 16, tile_stride);
}

void multiply(const PanelRun& panel, const BFloat16* a, const RowLayout& layout, std::int64_t rows,
              float* tile, std::int64_t ld, bool add) {
  std::int64_t r = 0;
  for (; r + 32 <= rows; r += 32, a += 2 * layout.group) rows_32(panel, a, layout, tile + r * ld, ld, add);
  for (; r + 16 <= rows; r += 16, a += layout.group) rows_16(panel, a, layout, tile + r * ld, ld, add);
}

VEDETTE_TARGET void load_config(const TileConfig& config) {
  publish_stores();
  _tile_loadconfig(&config);
}

VEDETTE_TARGET void release_config() {
  _tile_release();
}

void configure() {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) config.row_bytes[tile] = 64, config.rows[tile] = 16;
  load_config(config);
}

}  // namespace

void tile_bf16_amx(const PanelRun& panel, const BFloat16* a, std::int64_t lda, std::int64_t rows, float* tile,
                   std::int64_t ld, bool add) {
  multiply(panel, a, {lda, 16 * lda, 32}, rows, tile, ld, add);
}

void tiles_bf16_amx(const BFloat16* panel, std::int64_t k, const BFloat16* a, std::int64_t k_padded,
                    std::int64_t rows, float* tile, bool add) {
  multiply({&panel, 1, k}, a, {kAmxDepth, kAmxRows * k_padded, kAmxRows * kAmxDepth}, rows, tile, kPanel,
           add);
}

bool amx_multiplies_right() {
  // Small whole numbers: bf16 and the sums are exact, so the definition must be met exactly.
  constexpr std::int64_t kRows = 48, kDepth = 64;
  alignas(64) BFloat16 panel[kDepth * kPanel], a[kRows * kDepth];
  alignas(64) float tile[kRows * kPanel];
  const auto weight = [](std::int64_t k, std::int64_t c) {
    return static_cast<float>((3 * k + 5 * c) % 17 - 8);
  };
  const auto value = [](std::int64_t r, std::int64_t k) { return static_cast<float>((7 * r + k) % 13 - 6); };
  for (std::int64_t k = 0; k < kDepth; ++k) {
    for (std::int64_t c = 0; c < kPanel; ++c) {
      panel[k / 2 * 2 * kPanel + c * 2 + k % 2] = tensor::to_bfloat16(weight(k, c));
    }
    for (std::int64_t r = 0; r < kRows; ++r) a[r * kDepth + k] = tensor::to_bfloat16(value(r, k));
  }
  for (float& sum : tile) sum = 1.0F;
  const BFloat16* const pieces[] = {panel, panel + kDepth / 2 * kPanel};
  configure();
  tile_bf16_amx({pieces, 2, kDepth / 2}, a, kDepth, kRows, tile, kPanel, true);
  release_config();
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t c = 0; c < kPanel; ++c) {
      float sum = 1.0F;
      for (std::int64_t k = 0; k < kDepth; ++k) sum += value(r, k) * weight(k, c);
      if (tile[r * kPanel + c] != sum) return false;
    }
  }
  return true;
}

AmxScope::AmxScope() : active_(current_isa() >= Isa::kAmx) {
  if (active_) configure();
}

AmxScope::~AmxScope() {
  if (active_) release_config();
}

}  // namespace vedette::models::backend::cpu::kernels

#else

namespace vedette::models::backend::cpu::kernels {

void tile_bf16_amx(const PanelRun&, const BFloat16*, std::int64_t, std::int64_t, float*, std::int64_t, bool) {
  assert(false);
}
void tiles_bf16_amx(const BFloat16*, std::int64_t, const BFloat16*, std::int64_t, std::int64_t, float*,
                    bool) {
  assert(false);
}
bool amx_multiplies_right() {
  return false;
}
AmxScope::AmxScope() : active_(false) {}
AmxScope::~AmxScope() {
  assert(!active_);
}

}  // namespace vedette::models::backend::cpu::kernels

#endif
