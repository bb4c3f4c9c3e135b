#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
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

// Memory for packed weights. Large ones stand in huge pages where the system grants them: a product reads
// them from one end to the other.
void* allocate(std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const bool large = bytes >= 2 * kHugePage;
  const std::size_t alignment = large ? kHugePage : 64;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (large) ::madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

// As tensor::to_bfloat16, in a form that a compiler vectorises.
std::uint16_t bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40U;
  return static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet : rounded);
}

// Rows of a panel, `width` units of 32 bits each, interleaved unit by unit.
void interleave(const std::uint32_t* rows, std::int64_t width, std::uint32_t* panel) {
  for (std::int64_t i = 0; i < width; ++i) {
    for (std::int64_t c = 0; c < kPanel; ++c) panel[i * kPanel + c] = rows[c * width + i];
  }
}

void pack_f32(float* panel, std::int64_t rows, std::int64_t count, const float* w, std::int64_t ldw) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t c = 0; c < rows; ++c) panel[i * kPanel + c] = w[c * ldw + i];
    std::fill(panel + i * kPanel + rows, panel + (i + 1) * kPanel, 0.0F);
  }
}

void pack_bf16(BFloat16* panel, std::int64_t rows, std::int64_t count, const float* w, std::int64_t ldw) {
  const std::int64_t padded = round_up(count, 32);
  alignas(64) std::uint16_t narrow[kPanel * kPackBlock];
  std::fill_n(narrow, kPanel * padded, std::uint16_t{0});
  for (std::int64_t c = 0; c < rows; ++c) {
    for (std::int64_t i = 0; i < count; ++i) narrow[c * padded + i] = bf16_bits(w[c * ldw + i]);
  }
  interleave(reinterpret_cast<const std::uint32_t*>(narrow), padded / 2,
             reinterpret_cast<std::uint32_t*>(panel));
}

// The greatest magnitude among kInt8Group values, several at a time.
float greatest_magnitude(const float* values) {
  constexpr std::int64_t kLanes = 16;
  float lanes[kLanes] = {};
  for (std::int64_t i = 0; i < kInt8Group; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) {
      const float magnitude = std::fabs(values[i + j]);
      lanes[j] = lanes[j] < magnitude ? magnitude : lanes[j];
    }
  }
  return *std::max_element(lanes, lanes + kLanes);
}

void pack_int8(std::uint8_t* panel, std::int64_t rows, std::int64_t count, const float* w, std::int64_t ldw) {
  // Added to a small number, this leaves it rounded to nearest even in the low bits.
  constexpr float kRounder = 0x1.8p23F;
  alignas(64) std::uint8_t bytes[kPanel * kInt8Group];
  alignas(64) float values[kInt8Group];
  for (std::int64_t start = 0; start < count; start += kInt8Group, panel += kInt8GroupBytes) {
    auto* scales = reinterpret_cast<float*>(panel + kPanel * kInt8Group);
    std::memset(bytes, 128, sizeof(bytes));
    std::fill_n(scales, kPanel, 0.0F);
    const std::int64_t present = std::min(kInt8Group, count - start);
    for (std::int64_t c = 0; c < rows; ++c) {
      std::copy_n(w + c * ldw + start, present, values);
      std::fill(values + present, values + kInt8Group, 0.0F);
      const float max = greatest_magnitude(values);
      const float inverse = max > 0 ? 127.0F / max : 0.0F;
      for (std::int64_t i = 0; i < kInt8Group; ++i) {
        const auto rounded = std::bit_cast<std::uint32_t>(values[i] * inverse + kRounder);
        bytes[c * kInt8Group + i] = static_cast<std::uint8_t>(rounded + 128U);
      }
      scales[c] = max / 127.0F;
    }
    interleave(reinterpret_cast<const std::uint32_t*>(bytes), kInt8Group / 4,
               reinterpret_cast<std::uint32_t*>(panel));
  }
}

}  // namespace

PackedMatrix make_packed(WeightFormat format, std::int64_t n, std::int64_t k) {
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
  packed.data = {allocate(static_cast<std::size_t>(packed.bytes())), [](void* p) { std::free(p); }};
  return packed;
}

void pack_block(PackedMatrix& packed, std::int64_t panel, std::int64_t first, std::int64_t count,
                const float* w, std::int64_t ldw) {
  assert(first % kPackBlock == 0 && count <= kPackBlock);
  auto* out = static_cast<std::uint8_t*>(packed.data.get()) + panel * packed.panel_bytes;
  const std::int64_t rows = std::min(kPanel, packed.n - panel * kPanel);
  switch (packed.format) {
    case WeightFormat::kF32:
      pack_f32(reinterpret_cast<float*>(out) + first * kPanel, rows, count, w, ldw);
      break;
    case WeightFormat::kBF16:
      pack_bf16(reinterpret_cast<BFloat16*>(out) + first * kPanel, rows, count, w, ldw);
      break;
    case WeightFormat::kInt8:
      pack_int8(out + first / kInt8Group * kInt8GroupBytes, rows, count, w, ldw);
      break;
  }
}

PackedMatrix pack_matrix(WeightFormat format, const float* w, std::int64_t ldw, std::int64_t n,
                         std::int64_t k) {
  PackedMatrix packed = make_packed(format, n, k);
  for (std::int64_t panel = 0; panel < packed.panels(); ++panel) {
    for (std::int64_t first = 0; first < k; first += kPackBlock) {
      pack_block(packed, panel, first, std::min(kPackBlock, k - first), w + panel * kPanel * ldw + first,
                 ldw);
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
