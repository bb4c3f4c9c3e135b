#include "daemon/service/configuration.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "daemon/settings/change.h"

namespace vedette::daemon::service {

using base::LogLevel;

namespace {

constexpr const char* kSubject = "settings";

void log_lines(LogLevel level, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    base::log(level, kSubject, text.substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

const char* to_string(ReloadOutcome outcome) {
  switch (outcome) {
    case ReloadOutcome::kApplied: return "applied";
    case ReloadOutcome::kBadFile: return "bad_file";
    case ReloadOutcome::kNeedsRestart: return "needs_restart";
  }
  return "bad_file";
}

Configuration::Configuration(std::filesystem::path file, settings::Environment environment,
                             settings::Settings settings, Apply apply)
    : file_(std::move(file)),
      environment_(std::move(environment)),
      apply_(std::move(apply)),
      settings_(std::move(settings)),
      last_success_ms_(base::utc_now_ms()) {
  for (const std::string& warning : settings_.warnings) base::log(LogLevel::kWarning, kSubject, warning);
  apply_(settings_);
}

ReloadOutcome Configuration::reload() {
  settings::Settings newer;
  try {
    newer = settings::load(file_, environment_);
  } catch (const std::exception& error) {
    log_lines(LogLevel::kError, error.what());
    base::log(LogLevel::kError, kSubject, "reload refused: the old settings stay");
    return finish(ReloadOutcome::kBadFile);
  }
  const std::vector<std::string> fixed = settings::keys_for_restart(settings_, newer);
  if (!fixed.empty()) {
    std::string keys;
    for (const std::string& key : fixed) keys += (keys.empty() ? "" : ", ") + key;
    base::log(LogLevel::kError, kSubject,
              "reload refused: only a restart applies " + keys + "; the old settings stay");
    return finish(ReloadOutcome::kNeedsRestart);
  }
  for (const std::string& warning : newer.warnings) base::log(LogLevel::kWarning, kSubject, warning);
  settings_ = std::move(newer);
  base::log(LogLevel::kInfo, kSubject, "reloaded: " + apply_(settings_));
  return finish(ReloadOutcome::kApplied);
}

ReloadOutcome Configuration::finish(ReloadOutcome outcome) {
  const std::lock_guard lock(mutex_);
  ++reloads_[static_cast<std::size_t>(outcome)];
  last_succeeded_ = outcome == ReloadOutcome::kApplied;
  if (last_succeeded_) last_success_ms_ = base::utc_now_ms();
  return outcome;
}

void Configuration::write(metrics::Scrape& scrape) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < kReloadOutcomes; ++i) {
    scrape.counter("vedette_config_reloads_total", "Reloads of the configuration, by what became of them.",
                   static_cast<double>(reloads_[i]), {{"outcome", to_string(static_cast<ReloadOutcome>(i))}});
  }
  scrape.gauge("vedette_config_last_reload_successful",
               "1 while the newest reload was applied, or none was asked for.", last_succeeded_ ? 1 : 0);
  scrape.gauge("vedette_config_last_reload_success_timestamp_seconds",
               "UTC at which settings were last applied, the start included.",
               static_cast<double>(last_success_ms_) * 1e-3);
}

}  // namespace vedette::daemon::service
