#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "models/backend/cpu/kernels/gemm.h"
#include "models/backend/cpu/kernels/microkernels.h"

namespace vedette::models::backend::cpu::kernels {

namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

void pack_f32_row(float* panel, const float* w, std::int64_t k, std::int64_t column) {
  for (std::int64_t i = 0; i < k; ++i) panel[i * kPanel + column] = w[i];
}

void pack_bf16_row(BFloat16* panel, const float* w, std::int64_t k, std::int64_t column) {
  for (std::int64_t i = 0; i < k; ++i) {
    panel[(i / 2) * 2 * kPanel + column * 2 + i % 2] = tensor::to_bfloat16(w[i]);
  }
}

void pack_int8_row(std::uint8_t* panel, const float* w, std::int64_t k, std::int64_t k_padded,
                   std::int64_t column) {
  for (std::int64_t start = 0; start < k_padded; start += kInt8Group, panel += kInt8GroupBytes) {
    float max = 0.0F;
    for (std::int64_t i = start; i < start + kInt8Group && i < k; ++i) max = std::max(max, std::fabs(w[i]));
    const float inverse = max > 0 ? 127.0F / max : 0.0F;
    for (std::int64_t i = 0; i < kInt8Group; ++i) {
      const float value = start + i < k ? std::nearbyint(w[start + i] * inverse) : 0.0F;
      panel[(i / 4) * 4 * kPanel + column * 4 + i % 4] =
          static_cast<std::uint8_t>(static_cast<int>(value) + 128);
    }
    reinterpret_cast<float*>(panel + kPanel * kInt8Group)[column] = max / 127.0F;
  }
}

}  // namespace

PackedMatrix pack_matrix(WeightFormat format, const float* w, std::int64_t ldw, std::int64_t n,
                         std::int64_t k) {
  if (n <= 0 || k <= 0) {
    throw std::invalid_argument("a weight matrix of " + std::to_string(n) + " x " + std::to_string(k));
  }
  PackedMatrix packed;
  packed.format = format;
  packed.n = n;
  packed.k = k;
  switch (format) {
    case WeightFormat::kF32:
      packed.k_padded = k;
      packed.panel_bytes = k * kPanel * 4;
      break;
    case WeightFormat::kBF16:
      packed.k_padded = round_up(k, 32);
      packed.panel_bytes = packed.k_padded * kPanel * 2;
      break;
    case WeightFormat::kInt8:
      packed.k_padded = round_up(k, kInt8Group);
      packed.panel_bytes = packed.k_padded / kInt8Group * kInt8GroupBytes;
      break;
  }
  const auto bytes = static_cast<std::size_t>(packed.bytes());
  packed.data = {std::aligned_alloc(64, bytes), [](void* p) { std::free(p); }};
  if (packed.data == nullptr) throw std::bad_alloc();
  std::memset(packed.data.get(), 0, bytes);
  for (std::int64_t row = 0; row < n; ++row) {
    auto* panel = static_cast<std::uint8_t*>(packed.data.get()) + row / kPanel * packed.panel_bytes;
    const std::int64_t column = row % kPanel;
    switch (format) {
      case WeightFormat::kF32: pack_f32_row(reinterpret_cast<float*>(panel), w + row * ldw, k, column); break;
      case WeightFormat::kBF16:
        pack_bf16_row(reinterpret_cast<BFloat16*>(panel), w + row * ldw, k, column);
        break;
      case WeightFormat::kInt8: pack_int8_row(panel, w + row * ldw, k, packed.k_padded, column); break;
    }
  }
  return packed;
}

void unpack_row(const PackedMatrix& w, std::int64_t row, float* out) {
  const auto* panel = static_cast<const std::uint8_t*>(w.data.get()) + row / kPanel * w.panel_bytes;
  const std::int64_t column = row % kPanel;
  for (std::int64_t i = 0; i < w.k; ++i) {
    switch (w.format) {
      case WeightFormat::kF32: out[i] = reinterpret_cast<const float*>(panel)[i * kPanel + column]; break;
      case WeightFormat::kBF16:
        out[i] = tensor::to_float(
            reinterpret_cast<const BFloat16*>(panel)[(i / 2) * 2 * kPanel + column * 2 + i % 2]);
        break;
      case WeightFormat::kInt8: {
        const std::uint8_t* group = panel + i / kInt8Group * kInt8GroupBytes;
        const std::int64_t at = i % kInt8Group;
        const int value = group[(at / 4) * 4 * kPanel + column * 4 + at % 4] - 128;
        out[i] =
            static_cast<float>(value) * reinterpret_cast<const float*>(group + kPanel * kInt8Group)[column];
        break;
      }
    }
  }
}

}  // namespace vedette::models::backend::cpu::kernels
