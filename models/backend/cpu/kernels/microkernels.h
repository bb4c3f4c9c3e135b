#pragma once

#include <cstdint>

#include "models/backend/cpu/kernels/gemm.h"

// What products and attention are made of: rows of A against one panel of kPanel interleaved weight rows,
// into a tile of f32 sums. One function per format of the inputs; which instructions it uses is settled
// inside.
namespace vedette::models::backend::cpu::kernels {

// The k of one panel that is widened into a buffer on the stack at a time.
inline constexpr std::int64_t kWideBlock = 256;

// Of one tile of ActivationFormat::kTiles: rows, and values of k.
inline constexpr std::int64_t kAmxRows = 16, kAmxDepth = 32;

// Panel layouts (c: weight row within the panel):
//   f32  [k][c]
//   bf16 [k / 2][c][2], k padded with zeros to a multiple of 32
//   int8 groups of kInt8Group values of k: [k / 4][c][4] as value + 128, then [c] f32 scales
inline constexpr std::int64_t kInt8GroupBytes = kPanel * kInt8Group + kPanel * 4;

// tile[row * ld + c] = (add ? itself : 0) + sum over k of a[row][k] * panel[k][c].
void tile_f32(const float* panel, std::int64_t k, const float* a, std::int64_t lda, std::int64_t rows,
              float* tile, std::int64_t ld, bool add);
// A panel of bf16 in pieces of `k` (a multiple of 32) that need not lie together; a row of A runs through all
// of them.
struct PanelRun {
  const BFloat16* const* pieces;
  std::int64_t count;
  std::int64_t k;
};
// Requires: current_isa() >= kAvx512Bf16, and from kAmx on a live AmxScope.
void tile_bf16(const PanelRun& panel, const BFloat16* a, std::int64_t lda, std::int64_t rows, float* tile,
               std::int64_t ld, bool add);
// The parts of it: dot products of pairs for any rows; AMX tiles for rows a multiple of 16.
void tile_bf16_dot(const PanelRun& panel, const BFloat16* a, std::int64_t lda, std::int64_t rows, float* tile,
                   std::int64_t ld, bool add);
void tile_bf16_amx(const PanelRun& panel, const BFloat16* a, std::int64_t lda, std::int64_t rows, float* tile,
                   std::int64_t ld, bool add);

// The same of rows as kTiles has them, `rows` a multiple of 16, and a block of a panel, k a multiple of 32,
// into a tile with rows of kPanel. a: the first group's tile of the block's first k; k_padded: of all A.
void tiles_bf16_amx(const BFloat16* panel, std::int64_t k, const BFloat16* a, std::int64_t k_padded,
                    std::int64_t rows, float* tile, bool add);

// Whether a small product by AMX meets its definition: asked once, before kAmx is offered. Requires: the
// processor has AMX, and the kernel has granted its use.
bool amx_multiplies_right();

// Rows quantised as prepare_activations does: per row [groups * kInt8Group] int8, [groups] f32 scales,
// [groups] int32 corrections (-128 * sum of the group, for the weights' offset). Requires: current_isa() >=
// kAvx512Bf16.
void tile_int8(const std::uint8_t* panel, std::int64_t groups, const std::uint8_t* a, std::int64_t row_bytes,
               std::int64_t rows, float* tile, std::int64_t ld);
void quantise_row(const float* x, std::int64_t k, std::int64_t groups, std::uint8_t* out);
// A row as bf16, padded with zeros to a multiple of 32; each 32 values lie `step` behind those before.
// Requires: current_isa() >= kAvx512Bf16.
void narrow_row(const float* x, std::int64_t k, std::int64_t k_padded, BFloat16* out, std::int64_t step);

// Parts of a panel in the layout of another format, for machines (or row counts) where that is faster.
void widen_bf16_panel(const BFloat16* panel, std::int64_t k, float* out);
void widen_int8_panel(const std::uint8_t* panel, std::int64_t groups, float* out);
void narrow_int8_panel(const std::uint8_t* panel, std::int64_t groups, BFloat16* out);

// Bias, activation, residual and conversion of a finished tile [rows][kPanel]; `columns` of its columns
// exist.
void finish_tile(const float* tile, std::int64_t rows, std::int64_t columns, const Epilogue& epilogue,
                 std::int64_t first_row, std::int64_t first_column);

// Configures the AMX tile registers of this thread while it lives; does nothing below kAmx.
class AmxScope {
 public:
  AmxScope();
  ~AmxScope();
  AmxScope(const AmxScope&) = delete;
  AmxScope& operator=(const AmxScope&) = delete;

 private:
  bool active_;
};

}  // namespace vedette::models::backend::cpu::kernels
