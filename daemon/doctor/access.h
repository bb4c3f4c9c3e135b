#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace vedette::daemon::doctor {

// Whether the service's user of an installed package may read a file or folder, by the mode bits of it and of
// all folders above it; nothing where this machine has no such user, or where we are not root and can only
// speak for ourselves.
std::optional<bool> service_may_read(const std::filesystem::path& path);
extern const char* const kServiceUser;  // "vedette"

// The same for any user. Requires: the path is absolute.
bool may_read(const std::filesystem::path& path, unsigned user, unsigned group);

}  // namespace vedette::daemon::doctor
