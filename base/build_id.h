#pragma once

#include <string>
#include <string_view>

namespace vedette::base {

// The build id of the libvedette.so that is loaded: "0.1.0+<sources>.<flags>".
std::string_view build_id();

// "" when `id` (kBuildIdHere of base/build_id_here.h, from the file called `name`) is the loaded library's
// own; else a sentence that names both. Libraries of two builds share no ABI: the caller refuses to run.
std::string build_mismatch(std::string_view id, std::string_view name);

}  // namespace vedette::base
