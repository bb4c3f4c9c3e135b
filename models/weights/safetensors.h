#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/tensor/dtype.h"

namespace vedette::models::weights {

// One tensor of a safetensors file, as its header describes it.
struct SafetensorsEntry {
  std::string name;
  std::string dtype_name;              // as the file spells it: "F32", "BF16", "F64", ...
  std::optional<tensor::DType> dtype;  // empty for a type that Vedette does not compute with
  std::vector<std::int64_t> extents;   // outermost first
  std::size_t offset = 0;              // of its first byte, from the start of the file
  std::size_t bytes = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;        // by offset
  std::map<std::string, std::string> metadata;  // "__metadata__"
};

// Reads and checks the header of a whole safetensors file: every tensor lies inside the file, has exactly the
// bytes that its type and shape need, and together they cover it without overlap or gap, as the format
// demands. Throws: std::runtime_error opening with `name` and saying tensor, expected and received.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& name);

// The format's name of a type: "F32", "BF16", ...
const char* safetensors_name(tensor::DType dtype);

}  // namespace vedette::models::weights
