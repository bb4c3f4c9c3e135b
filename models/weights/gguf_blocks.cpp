// The block formats of GGUF, turned into f32 value by value in the order that ggml's own definition rounds
// them.
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "models/tensor/convert.h"
#include "models/weights/gguf.h"

namespace vedette::models::weights {

namespace {

constexpr std::size_t kSmall = 32;   // elements of a block of the simple formats
constexpr std::size_t kSuper = 256;  // elements of a block of the K formats

float half_at(const std::uint8_t* p) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, p, sizeof bits);
  return tensor::half_to_float(bits);
}

float signed_at(const std::uint8_t* p) {
  return static_cast<float>(static_cast<std::int8_t>(*p));
}

// f16 scale, 32 signed bytes.
void block_q8_0(const std::uint8_t* in, float* out) {
  const float d = half_at(in);
  for (std::size_t i = 0; i < kSmall; ++i) out[i] = d * signed_at(in + 2 + i);
}

// f16 scale, 16 bytes: low nibbles are values 0 to 15, high nibbles 16 to 31; the nibble 8 is zero.
void block_q4_0(const std::uint8_t* in, float* out) {
  const float d = half_at(in);
  for (std::size_t i = 0; i < kSmall / 2; ++i) {
    out[i] = d * static_cast<float>((in[2 + i] & 15) - 8);
    out[i + kSmall / 2] = d * static_cast<float>((in[2 + i] >> 4) - 8);
  }
}

// f16 scale, f16 minimum, 16 bytes of nibbles as above.
void block_q4_1(const std::uint8_t* in, float* out) {
  const float d = half_at(in);
  const float m = half_at(in + 2);
  for (std::size_t i = 0; i < kSmall / 2; ++i) {
    out[i] = d * static_cast<float>(in[4 + i] & 15) + m;
    out[i + kSmall / 2] = d * static_cast<float>(in[4 + i] >> 4) + m;
  }
}

// f16 scale, f16 minimum, 12 bytes with eight 6-bit scales and eight 6-bit minima, 128 bytes of nibbles.
void block_q4_k(const std::uint8_t* in, float* out) {
  const float d = half_at(in);
  const float minimum = half_at(in + 2);
  const std::uint8_t* packed = in + 4;
  std::array<float, 8> scale{};
  std::array<float, 8> offset{};
  for (std::size_t j = 0; j < 8; ++j) {
    const int s = j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4);
    const int m = j < 4 ? packed[j + 4] & 63 : (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
    scale[j] = d * static_cast<float>(s);
    offset[j] = minimum * static_cast<float>(m);
  }
  const std::uint8_t* nibbles = in + 16;
  for (std::size_t j = 0; j < 8; j += 2, nibbles += 32, out += 64) {
    for (std::size_t i = 0; i < 32; ++i) {
      out[i] = scale[j] * static_cast<float>(nibbles[i] & 15) - offset[j];
      out[i + 32] = scale[j + 1] * static_cast<float>(nibbles[i] >> 4) - offset[j + 1];
    }
  }
}

// 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, f16 scale of those; the value 32 is
// zero.
void block_q6_k(const std::uint8_t* in, float* out) {
  const float d = half_at(in + 208);
  const std::uint8_t* low = in;
  const std::uint8_t* high = in + 128;
  const std::uint8_t* scales = in + 192;
  for (int half = 0; half < 2; ++half, low += 64, high += 32, scales += 8, out += 128) {
    for (std::size_t i = 0; i < 32; ++i) {
      const std::array<int, 4> q{
          (low[i] & 15) | ((high[i] & 3) << 4), (low[i + 32] & 15) | (((high[i] >> 2) & 3) << 4),
          (low[i] >> 4) | (((high[i] >> 4) & 3) << 4), (low[i + 32] >> 4) | ((high[i] >> 6) << 4)};
      for (std::size_t k = 0; k < 4; ++k) {
        out[i + 32 * k] = d * signed_at(scales + i / 16 + 2 * k) * static_cast<float>(q[k] - 32);
      }
    }
  }
}

void blocks(const std::uint8_t* in, std::size_t count, GgufBlock size, float* out,
            void (*convert)(const std::uint8_t*, float*)) {
  for (std::size_t i = 0; i < count; ++i) convert(in + i * size.bytes, out + i * size.elements);
}

}  // namespace

const char* to_string(GgufType type) {
  switch (type) {
    case GgufType::kF32: return "F32";
    case GgufType::kF16: return "F16";
    case GgufType::kBF16: return "BF16";
    case GgufType::kQ4_0: return "Q4_0";
    case GgufType::kQ4_1: return "Q4_1";
    case GgufType::kQ8_0: return "Q8_0";
    case GgufType::kQ4_K: return "Q4_K";
    case GgufType::kQ6_K: return "Q6_K";
  }
  return "?";
}

GgufBlock block_of(GgufType type) {
  switch (type) {
    case GgufType::kF32: return {1, 4};
    case GgufType::kF16:
    case GgufType::kBF16: return {1, 2};
    case GgufType::kQ4_0: return {kSmall, 2 + 16};
    case GgufType::kQ4_1: return {kSmall, 2 + 2 + 16};
    case GgufType::kQ8_0: return {kSmall, 2 + 32};
    case GgufType::kQ4_K: return {kSuper, 2 + 2 + 12 + 128};
    case GgufType::kQ6_K: return {kSuper, 128 + 64 + 16 + 2};
  }
  return {0, 0};
}

void dequantise(GgufType type, std::span<const std::byte> src, std::span<float> dst) {
  const GgufBlock size = block_of(type);
  if (size.elements == 0 || src.size() % size.bytes != 0 ||
      src.size() / size.bytes * size.elements != dst.size()) {
    throw std::invalid_argument(std::string("dequantise ") + to_string(type) + ": " +
                                std::to_string(src.size()) + " bytes do not make " +
                                std::to_string(dst.size()) + " elements");
  }
  const auto* in = reinterpret_cast<const std::uint8_t*>(src.data());
  const std::size_t count = src.size() / size.bytes;
  float* out = dst.data();
  switch (type) {
    case GgufType::kF32:
      if (count != 0) std::memcpy(out, in, src.size());
      return;
    case GgufType::kF16:
      for (std::size_t i = 0; i < count; ++i) out[i] = half_at(in + 2 * i);
      return;
    case GgufType::kBF16:
      for (std::size_t i = 0; i < count; ++i) {
        tensor::BFloat16 value;
        std::memcpy(&value, in + 2 * i, sizeof value);
        out[i] = tensor::to_float(value);
      }
      return;
    case GgufType::kQ4_0: return blocks(in, count, size, out, block_q4_0);
    case GgufType::kQ4_1: return blocks(in, count, size, out, block_q4_1);
    case GgufType::kQ8_0: return blocks(in, count, size, out, block_q8_0);
    case GgufType::kQ4_K: return blocks(in, count, size, out, block_q4_k);
    case GgufType::kQ6_K: return blocks(in, count, size, out, block_q6_k);
  }
}

}  // namespace vedette::models::weights
