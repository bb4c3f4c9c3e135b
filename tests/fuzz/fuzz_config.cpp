// Any bytes as a configuration: settings, or a list of what is wrong with it.
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "daemon/settings/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace settings = vedette::daemon::settings;
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SET") return "value";
    return std::nullopt;
  };
  try {
    settings::to_json(settings::parse({reinterpret_cast<const char*>(data), size}, "fuzz", environment));
  } catch (const std::runtime_error&) {
  }
  return 0;
}
