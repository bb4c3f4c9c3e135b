#include "base/build_id.h"

#include "base/build_id_here.h"

namespace vedette::base {

std::string_view build_id() {
  return kBuildIdHere;
}

std::string build_mismatch(std::string_view id, std::string_view name) {
  if (id == kBuildIdHere) return {};
  return std::string(name) + " is of build " + std::string(id) +
         ", but the loaded libvedette.so is of build " + std::string(kBuildIdHere) +
         ": install both from one build";
}

}  // namespace vedette::base
