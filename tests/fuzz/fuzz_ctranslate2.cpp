// Any bytes as a CTranslate2 model.bin: refused with a message, or its variables lie inside.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "models/weights/ctranslate2.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto* first = reinterpret_cast<const std::byte*>(data);
    const auto model = vedette::models::weights::parse_ctranslate2({first, size}, "fuzz");
    for (const auto& [name, variable] : model.variables) {
      if (variable.bytes.empty()) continue;
      if (variable.bytes.data() < first || variable.bytes.data() + variable.bytes.size() > first + size)
        std::abort();
    }
    for (const auto& [alias, target] : model.aliases) {
      if (!model.variables.contains(target)) std::abort();
    }
  } catch (const std::runtime_error&) {
  }
  return 0;
}
