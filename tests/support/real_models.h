#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace vedette::test {

// Where tools/fetch-models puts a model: $XDG_CACHE_HOME/vedette/models/NAME. Tests that use it carry the
// label `weights`.
inline std::filesystem::path real_model(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const auto base = cache != nullptr && *cache != '\0'
                        ? std::filesystem::path(cache)
                        : std::filesystem::path(home != nullptr ? home : ".") / ".cache";
  return base / "vedette" / "models" / name;
}

}  // namespace vedette::test
