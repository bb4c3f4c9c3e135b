// f32 tiles, conversions of panels and the epilogue, by Highway for every target.
#include <cstring>

#include "models/backend/cpu/kernels/microkernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/backend/cpu/kernels/tile_f32.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "models/backend/cpu/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE {

// Rows and vectors of one register tile: rows * vectors accumulators, `vectors` weights and one activation.
#if HWY_TARGET == HWY_AVX3
constexpr int kTileRows = 12, kTileVectors = 2;
#else
constexpr int kTileRows = 6, kTileVectors = 2;
#endif

template <int kRows>
HWY_INLINE void register_tile(const float* HWY_RESTRICT panel, std::int64_t k, const float* HWY_RESTRICT a,
                              std::int64_t lda, float* HWY_RESTRICT tile, std::int64_t ld, bool add) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < kPanel; c += kTileVectors * lanes) {
    F32V sums[kRows][kTileVectors];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; ++v) {
        sums[r][v] = add ? hn::LoadU(d, tile + r * ld + c + v * lanes) : hn::Zero(d);
      }
    }
    const float* weights = panel + c;
    for (std::int64_t i = 0; i < k; ++i, weights += kPanel) {
      F32V w[kTileVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; ++v) w[v] = hn::Load(d, weights + v * lanes);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const F32V x = hn::Set(d, a[r * lda + i]);
#pragma GCC unroll 2
        for (int v = 0; v < kTileVectors; ++v) sums[r][v] = hn::MulAdd(x, w[v], sums[r][v]);
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; ++v) hn::StoreU(sums[r][v], d, tile + r * ld + c + v * lanes);
    }
  }
}

// The last `rows` < kRows rows.
template <int kRows>
HWY_INLINE void rest_tile(const float* panel, std::int64_t k, const float* a, std::int64_t lda,
                          std::int64_t rows, float* tile, std::int64_t ld, bool add) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      register_tile<kRows>(panel, k, a, lda, tile, ld, add);
    } else {
      rest_tile<kRows - 1>(panel, k, a, lda, rows, tile, ld, add);
    }
  }
}

void f32_tile(const float* panel, std::int64_t k, const float* a, std::int64_t lda, std::int64_t rows,
              float* tile, std::int64_t ld, bool add) {
  std::int64_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows) {
    register_tile<kTileRows>(panel, k, a + r * lda, lda, tile + r * ld, ld, add);
  }
  rest_tile<kTileRows - 1>(panel, k, a + r * lda, lda, rows - r, tile + r * ld, ld, add);
}

// The two values of k of a bf16 pair become two rows of f32.
void bf16_panel_to_f32(const BFloat16* panel, std::int64_t k, float* out) {
  const F32 d;
  const hn::RebindToUnsigned<F32> du;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* pairs = reinterpret_cast<const std::uint32_t*>(panel);
  for (std::int64_t i = 0; i < k; i += 2, pairs += kPanel, out += 2 * kPanel) {
    for (std::int64_t c = 0; c < kPanel; c += lanes) {
      const auto pair = hn::Load(du, pairs + c);
      hn::Store(hn::BitCast(d, hn::ShiftLeft<16>(pair)), d, out + c);
      hn::Store(hn::BitCast(d, hn::And(pair, hn::Set(du, 0xffff0000U))), d, out + kPanel + c);
    }
  }
}

// Calls store(row of the quad, column, value) for the four values of k of each quad of one group.
template <class Store>
HWY_INLINE void for_quads(const std::uint8_t* group, std::int64_t quad, Store store) {
  const F32 d;
  const hn::RebindToSigned<F32> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* quads = reinterpret_cast<const std::int32_t*>(group) + quad * kPanel;
  const auto* scales = reinterpret_cast<const float*>(group + kPanel * kInt8Group);
  for (std::int64_t c = 0; c < kPanel; c += lanes) {
    // Without the offset's bit the bytes are two's complement, which arithmetic shifts extend.
    const auto bytes = hn::Xor(hn::Load(di, quads + c), hn::Set(di, static_cast<std::int32_t>(0x80808080U)));
    const F32V scale = hn::Load(d, scales + c);
    store(c, hn::Mul(hn::ConvertTo(d, hn::ShiftRight<24>(hn::ShiftLeft<24>(bytes))), scale),
          hn::Mul(hn::ConvertTo(d, hn::ShiftRight<24>(hn::ShiftLeft<16>(bytes))), scale),
          hn::Mul(hn::ConvertTo(d, hn::ShiftRight<24>(hn::ShiftLeft<8>(bytes))), scale),
          hn::Mul(hn::ConvertTo(d, hn::ShiftRight<24>(bytes)), scale));
  }
}

void int8_panel_to_f32(const std::uint8_t* panel, std::int64_t groups, float* out) {
  const F32 d;
  for (std::int64_t group = 0; group < groups; ++group, panel += kInt8GroupBytes) {
    for (std::int64_t quad = 0; quad < kInt8Group / 4; ++quad, out += 4 * kPanel) {
      for_quads(panel, quad, [&](std::int64_t c, F32V v0, F32V v1, F32V v2, F32V v3) {
        hn::Store(v0, d, out + c);
        hn::Store(v1, d, out + kPanel + c);
        hn::Store(v2, d, out + 2 * kPanel + c);
        hn::Store(v3, d, out + 3 * kPanel + c);
      });
    }
  }
}

void int8_panel_to_bf16(const std::uint8_t* panel, std::int64_t groups, BFloat16* out) {
  const hn::RebindToUnsigned<F32> du;
  auto* pairs = reinterpret_cast<std::uint32_t*>(out);
  // The values are finite, and of two equally near ones either will do: half of the last place is just added.
  const auto half = hn::Set(du, 0x8000U), high = hn::Set(du, 0xffff0000U);
  const auto pack = [&](F32V even, F32V odd) {
    return hn::Or(hn::ShiftRight<16>(hn::Add(hn::BitCast(du, even), half)),
                  hn::And(hn::Add(hn::BitCast(du, odd), half), high));
  };
  for (std::int64_t group = 0; group < groups; ++group, panel += kInt8GroupBytes) {
    for (std::int64_t quad = 0; quad < kInt8Group / 4; ++quad, pairs += 2 * kPanel) {
      for_quads(panel, quad, [&](std::int64_t c, F32V v0, F32V v1, F32V v2, F32V v3) {
        hn::Store(pack(v0, v1), du, pairs + c);
        hn::Store(pack(v2, v3), du, pairs + kPanel + c);
      });
    }
  }
}

// One row of a tile whose columns all exist.
HWY_INLINE void finish_row(const float* sums, const Epilogue& e, std::int64_t row, std::int64_t column) {
  const F32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const F32V scale = hn::Set(d, e.scale);
  const float* residual = e.residual == nullptr ? nullptr : e.residual + row * e.residual_ld + column;
  static_assert(kPanel == kAmxDepth);  // so a row of this tile is one of the next product's tiles
  const std::int64_t at = e.tiles ? tile_at(row, column, e.ld) : row * e.ld + column;
  for (std::int64_t c = 0; c < kPanel; c += lanes) {
    F32V x = hn::Mul(hn::LoadU(d, sums + c), scale);
    if (e.bias != nullptr) x = hn::Add(x, hn::LoadU(d, e.bias + column + c));
    x = activate(e.activation, x);
    if (residual != nullptr) x = hn::Add(x, hn::LoadU(d, residual + c));
    if (e.f32 != nullptr) {
      hn::StoreU(x, d, e.f32 + at + c);
    } else {
      store_bf16(x, e.bf16 + at + c);
    }
  }
}

// A row of the last panel: the same on padded copies.
void finish_partial_row(const float* sums, std::int64_t columns, const Epilogue& e, std::int64_t row,
                        std::int64_t column) {
  const auto bytes = static_cast<std::size_t>(columns) * sizeof(float);
  float bias[kPanel] = {}, residual[kPanel] = {}, result[kPanel];
  BFloat16 narrow[kPanel];
  Epilogue padded = e;
  if (e.bias != nullptr) padded.bias = static_cast<const float*>(std::memcpy(bias, e.bias + column, bytes));
  if (e.residual != nullptr) {
    padded.residual =
        static_cast<const float*>(std::memcpy(residual, e.residual + row * e.residual_ld + column, bytes));
  }
  padded.f32 = e.f32 == nullptr ? nullptr : result;
  padded.bf16 = e.bf16 == nullptr ? nullptr : narrow;
  finish_row(sums, padded, 0, 0);
  if (e.f32 != nullptr) std::memcpy(e.f32 + row * e.ld + column, result, bytes);
  if (e.bf16 != nullptr) std::memcpy(e.bf16 + row * e.ld + column, narrow, bytes / 2);
}

void finish_rows(const float* tile, std::int64_t rows, std::int64_t columns, const Epilogue& e,
                 std::int64_t first_row, std::int64_t first_column) {
  for (std::int64_t row = 0; row < rows; ++row, tile += kPanel) {
    if (columns == kPanel) {
      finish_row(tile, e, first_row + row, first_column);
    } else {
      finish_partial_row(tile, columns, e, first_row + row, first_column);
    }
  }
}

}  // namespace vedette::models::backend::cpu::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vedette::models::backend::cpu::kernels {

HWY_EXPORT(f32_tile);
HWY_EXPORT(bf16_panel_to_f32);
HWY_EXPORT(int8_panel_to_f32);
HWY_EXPORT(int8_panel_to_bf16);
HWY_EXPORT(finish_rows);

void tile_f32(const float* panel, std::int64_t k, const float* a, std::int64_t lda, std::int64_t rows,
              float* tile, std::int64_t ld, bool add) {
  HWY_DYNAMIC_DISPATCH(f32_tile)(panel, k, a, lda, rows, tile, ld, add);
}
void widen_bf16_panel(const BFloat16* panel, std::int64_t k, float* out) {
  HWY_DYNAMIC_DISPATCH(bf16_panel_to_f32)(panel, k, out);
}
void widen_int8_panel(const std::uint8_t* panel, std::int64_t groups, float* out) {
  HWY_DYNAMIC_DISPATCH(int8_panel_to_f32)(panel, groups, out);
}
void narrow_int8_panel(const std::uint8_t* panel, std::int64_t groups, BFloat16* out) {
  HWY_DYNAMIC_DISPATCH(int8_panel_to_bf16)(panel, groups, out);
}
void finish_tile(const float* tile, std::int64_t rows, std::int64_t columns, const Epilogue& epilogue,
                 std::int64_t first_row, std::int64_t first_column) {
  HWY_DYNAMIC_DISPATCH(finish_rows)(tile, rows, columns, epilogue, first_row, first_column);
}

}  // namespace vedette::models::backend::cpu::kernels
#endif
