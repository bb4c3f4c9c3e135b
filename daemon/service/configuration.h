#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>

#include "daemon/metrics/metrics.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::service {

// What became of a reload: all of it is applied, or nothing is.
enum class ReloadOutcome : std::uint8_t {
  kApplied,
  kBadFile,       // it cannot be read, or something in it is wrong
  kNeedsRestart,  // it changes what is fixed for as long as the process runs
};
constexpr std::size_t kReloadOutcomes = 3;
const char* to_string(ReloadOutcome outcome);  // "applied", "bad_file", "needs_restart"

// The configuration that a running service has, and the file that it came from. `reload` and `settings`: one
// thread; `write`: any.
class Configuration {
 public:
  // Makes the service run with these settings; returns what that meant, for the log.
  using Apply = std::function<std::string(const settings::Settings&)>;

  // Applies `settings`, which `file` gave. What `apply` captures must outlive this.
  Configuration(std::filesystem::path file, settings::Environment environment, settings::Settings settings,
                Apply apply);

  const settings::Settings& settings() const { return settings_; }

  // Reads the file anew. What cannot be applied whole is refused with every reason in the log, and the old
  // settings stay.
  ReloadOutcome reload();

  // vedette_config_reloads_total{outcome}, and when the last one succeeded.
  void write(metrics::Scrape& scrape) const;

 private:
  ReloadOutcome finish(ReloadOutcome outcome);

  const std::filesystem::path file_;
  const settings::Environment environment_;
  const Apply apply_;
  settings::Settings settings_;
  mutable std::mutex mutex_;  // guards the rest
  std::array<std::uint64_t, kReloadOutcomes> reloads_{};
  bool last_succeeded_ = true;
  std::int64_t last_success_ms_ = 0;  // UTC
};

}  // namespace vedette::daemon::service
