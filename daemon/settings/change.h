#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

// Ids of streams, by what a newer configuration makes of them, each list in its file's order.
struct StreamChanges {
  std::vector<std::string> added, changed, removed;
  std::size_t kept = 0;  // that are as they were

  // "1 new (yard), 1 changed (gate), 1 gone (mic), 3 as before".
  std::string summary() const;
};
StreamChanges compare(const std::vector<StreamSettings>& before, const std::vector<StreamSettings>& after);

// Keys whose values differ and are fixed for as long as the process runs: "redis", "http", "models.hear", ...
std::vector<std::string> keys_for_restart(const Settings& before, const Settings& after);

}  // namespace vedette::daemon::settings
