#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace vedette::models::weights {

// Element types of the file; the numbers are the file's own.
enum class Ct2Type : std::uint8_t { kF32 = 0, kI8 = 1, kI16 = 2, kI32 = 3, kF16 = 4, kBF16 = 5 };

struct Ct2Variable {
  std::vector<std::int64_t> extents;  // outermost first; none for a scalar
  Ct2Type type = Ct2Type::kF32;
  std::size_t count = 0;             // elements
  std::span<const std::byte> bytes;  // into the parsed file
};

// A CTranslate2 `model.bin`, binary versions 4 to 6.
struct Ct2Model {
  std::string spec;            // "WhisperSpec", ...
  std::uint32_t revision = 0;  // of the spec
  std::map<std::string, Ct2Variable, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> aliases;  // each names a variable that exists
};

// Throws: std::runtime_error opening with `name`. The result's spans point into `file`.
Ct2Model parse_ctranslate2(std::span<const std::byte> file, const std::string& name);

}  // namespace vedette::models::weights
