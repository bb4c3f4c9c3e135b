#pragma once

#include <cstdint>
#include <memory>

#include "models/tensor/dtype.h"

// Matrix product with packed weights: c[m, n] = act(a[m, k] * w[n, k]^T + bias[n]) + residual[m, n].
// Single-threaded pieces: the caller splits a product into tasks and runs them on its worker pool. Nothing
// here allocates but make_packed and pack_matrix.
namespace vedette::models::backend::cpu::kernels {

using tensor::BFloat16;

inline constexpr std::int64_t kPanel = 32;  // weight rows that are stored interleaved, and computed together
inline constexpr std::int64_t kInt8Group = 64;  // values of k that share one scale

enum class WeightFormat : std::uint8_t {
  kF32,
  kBF16,
  kInt8,  // 8 bits, symmetric, one scale for each weight row and group of k
};

// Weights in the order in which the kernels read them. Immutable once packed; views may be used by any
// thread.
struct PackedMatrix {
  WeightFormat format = WeightFormat::kF32;
  std::int64_t n = 0, k = 0;
  std::int64_t k_padded = 0;     // k rounded up to what the format's kernels read at a time
  std::int64_t panel_bytes = 0;  // from one panel's first byte to the next one's
  std::unique_ptr<void, void (*)(void*)> data{nullptr, nullptr};

  std::int64_t panels() const { return (n + kPanel - 1) / kPanel; }
  std::int64_t bytes() const { return panels() * panel_bytes; }
};

// A matrix still to be packed. Throws: std::bad_alloc; std::invalid_argument when n or k is not positive.
PackedMatrix make_packed(WeightFormat format, std::int64_t n, std::int64_t k);
// Packs columns [first, first + count) of the weight rows of one panel. `w`: the first of them, f32, rows
// `ldw` apart. Blocks may be packed at the same time, each once. Requires: first is a multiple of kPackBlock,
// and count is kPackBlock but at the row's end.
inline constexpr std::int64_t kPackBlock = 256;
void pack_block(PackedMatrix& packed, std::int64_t panel, std::int64_t first, std::int64_t count,
                const float* w, std::int64_t ldw);
// The whole. `w`: [n, k] f32 with rows `ldw` apart. Throws: std::bad_alloc; std::invalid_argument when n or k
// is not positive.
PackedMatrix pack_matrix(WeightFormat format, const float* w, std::int64_t ldw, std::int64_t n,
                         std::int64_t k);

// Row `row` of the matrix as it was packed, k values (an embedding table that is also the output head).
void unpack_row(const PackedMatrix& w, std::int64_t row, float* out);

// How a product wants its left side. Made once per matrix, shared by all tasks. kTiles: bf16 as AMX loads it,
// the rows in groups of 16, a group in tiles of 32 values of k: [m / 16][k_padded / 32][16][32].
enum class ActivationFormat : std::uint8_t { kF32, kBF16, kTiles, kInt8 };

struct Activations {
  ActivationFormat format = ActivationFormat::kF32;
  const void* data = nullptr;  // [m, k_padded], rows `row_bytes` apart (kTiles: a sixteenth of a group);
                               // int8: each row is followed by its scales
  std::int64_t row_bytes = 0;
};

// The format for m rows against w on this machine.
ActivationFormat activation_format(const PackedMatrix& w, std::int64_t m);
// Bytes that prepare_activations needs for m rows; a multiple of 64.
std::int64_t activation_bytes(const PackedMatrix& w, std::int64_t m);
// Converts rows [first, first + count) of m, which begin at `a` (f32, `lda` apart), into `scratch` (64-byte
// aligned, activation_bytes(w, m)); different rows may be converted by different threads. The f32 format
// needs no call when rows may be read in place: see borrow_activations.
Activations prepare_activations(const PackedMatrix& w, std::int64_t m, const float* a, std::int64_t lda,
                                std::int64_t first, std::int64_t count, void* scratch);
// Where value `column` of row `row` lies among rows in the format kTiles, counted in values.
std::int64_t tile_at(std::int64_t row, std::int64_t column, std::int64_t k_padded);
// Rows used where they lie. Requires: the format asked for is kF32; or it is kBF16 and k is a multiple of 32.
Activations borrow_activations(const float* a, std::int64_t lda);
Activations borrow_activations(const BFloat16* a, std::int64_t lda);

enum class Activation : std::uint8_t { kNone, kGeluErf, kGeluTanh, kGeluQuick, kSilu };

struct Epilogue {
  const float* bias = nullptr;  // [n]; null: none
  Activation activation = Activation::kNone;
  float scale = 1.0F;               // multiplies the product before the bias
  const float* residual = nullptr;  // [m, n], may be the output itself; null: none
  std::int64_t residual_ld = 0;
  // Exactly one of the outputs is set.
  float* f32 = nullptr;
  BFloat16* bf16 = nullptr;
  std::int64_t ld = 0;
  bool tiles = false;  // bf16 in the order of kTiles, for the next product; n is a multiple of kPanel
};

// How one product is cut into tasks that may run at the same time, in any order.
struct GemmPlan {
  std::int64_t m = 0, row_block = 0, row_blocks = 0;
  std::int64_t first_panel = 0, panels = 0, panel_block = 0, panel_blocks = 0;
  std::int64_t tasks() const { return row_blocks * panel_blocks; }
};
GemmPlan plan_gemm(const PackedMatrix& w, std::int64_t m, int threads);
// Of these panels alone: what bias and outputs point to is for the first of their rows.
GemmPlan plan_gemm(const PackedMatrix& w, std::int64_t m, int threads, std::int64_t first_panel,
                   std::int64_t panels);
void run_gemm_task(const PackedMatrix& w, const Activations& a, const Epilogue& epilogue,
                   const GemmPlan& plan, std::int64_t task);

}  // namespace vedette::models::backend::cpu::kernels
