// Any bytes as a safetensors file: refused with a message, or every tensor lies inside.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "models/weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto header =
        vedette::models::weights::parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
    for (const auto& entry : header.entries) {
      if (entry.offset > size || entry.bytes > size - entry.offset) std::abort();
    }
  } catch (const std::runtime_error&) {
  }
  return 0;
}
