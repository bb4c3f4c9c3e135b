#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vedette::models::weights {

// Block formats of the file; the numbers are the file's own (ggml_type).
enum class GgufType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ6_K = 14,
  kBF16 = 30
};

struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> extents;  // outermost first (the file has them the other way)
  GgufType type = GgufType::kF32;
  std::size_t count = 0;   // elements
  std::size_t offset = 0;  // of its first byte, from the start of the file
  std::size_t bytes = 0;
};

using GgufValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>>;

// What stands before the data of a GGUF file, versions 2 and 3, little-endian.
struct GgufHeader {
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<GgufTensor> tensors;  // in the file's order; none overlaps another or leaves the file

  // The value of a key as that type. Throws: std::runtime_error with `file`, key, expected and received when
  // it is missing or another type. The second form gives `fallback` when the key is missing.
  template <class T>
  const T& get(std::string_view key, const std::string& file) const;
  template <class T>
  T get_or(std::string_view key, T fallback, const std::string& file) const;
};

// Throws: std::runtime_error opening with `name`; for a tensor of another type too.
GgufHeader parse_gguf(std::span<const std::byte> file, const std::string& name);

const char* to_string(GgufType type);

// Elements and bytes of one block of a format.
struct GgufBlock {
  std::size_t elements;
  std::size_t bytes;
};
GgufBlock block_of(GgufType type);

// The elements as f32, exactly as the format defines them. Requires: `blocks` holds a whole number of blocks
// and dst their elements. Throws: std::invalid_argument when it does not.
void dequantise(GgufType type, std::span<const std::byte> blocks, std::span<float> dst);

}  // namespace vedette::models::weights
