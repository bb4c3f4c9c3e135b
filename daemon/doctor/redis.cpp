#include <charconv>

#include "base/log.h"
#include "daemon/doctor/checks.h"

namespace vedette::daemon::doctor {

namespace {

constexpr const char* kSubject = "redis";
constexpr int kOldestMajor = 7;  // docs/redis.md
constexpr double kNearlyFull = 0.9;

std::string remedy(sinks::redis::ErrorClass error) {
  using sinks::redis::ErrorClass;
  switch (error) {
    case ErrorClass::kConnection:
      return "is it up (systemctl status redis-server), and do host and port fit?";
    case ErrorClass::kTimeout: return "is the address right, and does a firewall stop it?";
    case ErrorClass::kAuth:
      return "give user and password: redis://USER:${REDIS_PASSWORD}@HOST; ACL: docs/redis.md";
    case ErrorClass::kLoading: return "it is starting: try again";
    case ErrorClass::kOutOfMemory: return "raise its maxmemory, or keep records for less time (retention)";
    case ErrorClass::kReadOnly: return "it is a replica: name the primary";
    case ErrorClass::kMisconfigured: return "it cannot write its disk: see its log";
    default: return "see its log";
  }
}

void judge_memory_of(const sinks::redis::Examination& found, Findings& findings) {
  if (found.most_bytes == 0) {
    findings.push_back(
        {Level::kWarning, kSubject, "its memory has no limit (" + bytes_text(found.used_bytes) + " used)",
         "set maxmemory with maxmemory-policy noeviction, so that it refuses rather than fills the "
         "machine"});
    return;
  }
  if (!found.policy.empty() && found.policy != "noeviction") {
    findings.push_back({Level::kWarning, kSubject,
                        "it throws keys away when it is full (" + found.policy + ")",
                        "set maxmemory-policy noeviction: else records and coverage vanish without a word"});
  }
  if (static_cast<double>(found.used_bytes) > kNearlyFull * static_cast<double>(found.most_bytes)) {
    findings.push_back(
        {Level::kWarning, kSubject,
         "it is nearly full: " + bytes_text(found.used_bytes) + " of " + bytes_text(found.most_bytes),
         "raise maxmemory, or keep records for less time (retention)"});
  }
}

}  // namespace

Findings judge_redis(const std::string& where, const sinks::redis::Examination& found) {
  if (found.unreachable) {
    const std::string& why = found.unreachable->text;
    return {{Level::kProblem, kSubject, why.starts_with(where) ? why : where + ": " + why,
             remedy(found.unreachable->error)}};
  }
  if (found.write_refused) {
    return {{Level::kProblem, kSubject, where + " cannot be written: " + found.write_refused->text,
             remedy(found.write_refused->error)}};
  }
  Findings findings{
      {Level::kOk, kSubject,
       where + " is there and can be written" + (found.version.empty() ? "" : ", version " + found.version),
       ""}};
  int major = kOldestMajor;
  std::from_chars(found.version.data(), found.version.data() + found.version.size(), major);
  if (major < kOldestMajor) {
    findings.push_back({Level::kProblem, kSubject, "version " + found.version + " is too old",
                        "version " + std::to_string(kOldestMajor) + " or newer"});
  }
  if (found.version.empty()) return findings;  // it does not say more
  judge_memory_of(found, findings);
  if (found.last_save_failed) {
    findings.push_back(
        {Level::kWarning, kSubject, "its last save failed", "room and permissions of its folder; its log"});
  }
  if (!found.append_only) {
    findings.push_back({Level::kWarning, kSubject,
                        found.saves ? "what came since its last snapshot is lost when it ends at once"
                                    : "it keeps nothing on disk: all records are lost when it ends",
                        "appendonly yes"});
  }
  return findings;
}

void check_redis(const settings::Settings& settings, const Tell& tell) {
  const auto url = sinks::redis::parse_url(settings.redis);
  for (const Finding& finding : judge_redis(url.shown(), sinks::redis::examine(url))) tell(finding);
}

}  // namespace vedette::daemon::doctor
