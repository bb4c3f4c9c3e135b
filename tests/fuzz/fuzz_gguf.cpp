// Any bytes as a GGUF file: refused with a message, or its tensors can be read.
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "models/weights/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace weights = vedette::models::weights;
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  try {
    const auto header = weights::parse_gguf(file, "fuzz");
    std::vector<float> values;
    for (const auto& tensor : header.tensors) {
      values.resize(tensor.count);
      weights::dequantise(tensor.type, file.subspan(tensor.offset, tensor.bytes), values);
    }
  } catch (const std::runtime_error&) {
  }
  return 0;
}
