#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "daemon/doctor/checks.h"

namespace vedette::daemon::doctor {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kProgramBytes = 120'000'000;  // libraries, plugins, records that wait
constexpr std::uint64_t kStreamBytes = 60'000'000;  // a decoder's pictures at 1920x1080, queues, the timeline
constexpr std::uint64_t kSpareBytes = 100'000'000;

std::uint64_t size_of(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(folder, error); !error && at != fs::end(at);
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored)) bytes += at->file_size(ignored);
  }
  return bytes;
}

// MemAvailable of proc_meminfo(5); 0 when it cannot be told.
std::uint64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    if (words >> name >> kib && name == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  char text[32];
  const double value = static_cast<double>(bytes);
  if (value >= 1e9) {
    std::snprintf(text, sizeof text, "%.1f GB", value / 1e9);
  } else {
    std::snprintf(text, sizeof text, "%.0f MB", value / 1e6);
  }
  return text;
}

Finding judge_room(const fs::path& folder, std::uint64_t quota, std::uint64_t used, std::uint64_t free) {
  const std::uint64_t wanted = quota > used ? quota - used : 0;
  const std::string text = folder.string() + ": " + bytes_text(used) + " of " + bytes_text(quota) +
                           " used, " + bytes_text(free) + " free on the disk";
  if (wanted + kSpareBytes <= free) return {Level::kOk, "disk", text, ""};
  return {Level::kWarning, "disk", text,
          "make room, or lower evidence.quota: when the disk is full records go out without pictures"};
}

void check_evidence(const settings::EvidenceSettings& evidence, const settings::Environment& environment,
                    const Tell& tell) {
  const fs::path folder = settings::evidence_folder(evidence, environment);
  if (folder.empty()) return tell({Level::kOk, "disk", "no pictures are kept (evidence.path: none)", ""});
  std::error_code error;
  fs::path there = folder;  // or what it will be made in
  while (!fs::exists(there, error) && there.has_parent_path() && there != there.parent_path())
    there = there.parent_path();
  if (access(there.c_str(), W_OK | X_OK) != 0) {
    return tell({Level::kProblem, "disk", there.string() + " cannot be written",
                 "give it to the service's user, or set evidence.path"});
  }
  struct statvfs status {};
  if (statvfs(there.c_str(), &status) != 0)
    return tell({Level::kProblem, "disk", there.string() + " cannot be examined", "is its disk mounted?"});
  tell(judge_room(folder, evidence.quota_bytes, size_of(folder),
                  static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize));
}

std::uint64_t estimate_memory(std::uint64_t model_bytes, std::uint64_t kv_bytes, std::size_t streams) {
  return kProgramBytes + model_bytes + kv_bytes + streams * kStreamBytes;
}

Finding judge_memory(std::uint64_t needed, std::uint64_t available, std::size_t streams) {
  const std::string text = "about " + bytes_text(needed) + " for models, caches and " +
                           std::to_string(streams) + (streams == 1 ? " stream, " : " streams, ") +
                           bytes_text(available) + " available";
  if (needed > available)
    return {Level::kProblem, "memory", text,
            "fewer streams, smaller models, models.kv_memory, or more memory"};
  if (needed + needed / 4 > available)
    return {Level::kWarning, "memory", text, "little is left for others: Redis, the disk's cache"};
  return {Level::kOk, "memory", text, ""};
}

void check_memory(const settings::Settings& settings, std::uint64_t model_bytes, const Tell& tell) {
  const std::uint64_t available = available_memory();
  if (available == 0) return;
  const std::size_t streams = settings.streams.size();
  const std::size_t kv = settings.models.think == "none" ? 0 : settings.models.kv_bytes;
  tell(judge_memory(estimate_memory(model_bytes, kv, streams), available, streams));
}

}  // namespace vedette::daemon::doctor
