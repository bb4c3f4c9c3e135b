#include "daemon/doctor/access.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace vedette::daemon::doctor {

const char* const kServiceUser = "vedette";

namespace {

bool has_bit(const struct stat& status, unsigned user, unsigned group, mode_t bit) {
  const mode_t mine = status.st_uid == user ? bit << 6 : status.st_gid == group ? bit << 3 : bit;
  return (status.st_mode & mine) != 0;
}

}  // namespace

bool may_read(const std::filesystem::path& path, unsigned user, unsigned group) {
  constexpr mode_t kRead = 4, kEnter = 1;
  std::filesystem::path so_far;
  for (const auto& part : path) {
    so_far /= part;
    struct stat status {};
    if (stat(so_far.c_str(), &status) != 0) return false;
    const bool last = so_far == path;
    if (!last || S_ISDIR(status.st_mode)) {
      if (!has_bit(status, user, group, kEnter)) return false;
    }
    if (last && !has_bit(status, user, group, kRead)) return false;
  }
  return true;
}

std::optional<bool> service_may_read(const std::filesystem::path& path) {
  if (geteuid() != 0) return std::nullopt;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (getpwnam_r(kServiceUser, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  std::error_code error;
  const auto whole = std::filesystem::weakly_canonical(path, error);
  return may_read(error ? path : whole, entry.pw_uid, entry.pw_gid);
}

}  // namespace vedette::daemon::doctor
