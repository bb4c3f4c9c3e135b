#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "daemon/doctor/doctor.h"
#include "daemon/doctor/finding.h"
#include "daemon/probe/report.h"
#include "daemon/settings/settings.h"
#include "sinks/redis/examination.h"

// The parts of `examine`, each of one subject; and the judgements in them, which need no machine to be
// tested.
namespace vedette::daemon::doctor {

using Tell = std::function<void(const Finding&)>;

// Empty when the file is wrong: then all of its problems were told.
std::optional<settings::Settings> check_configuration(const std::filesystem::path& file,
                                                      const settings::Environment& environment,
                                                      const Tell& tell);
void check_redis(const settings::Settings& settings, const Tell& tell);
// Bytes of weights, for check_memory.
std::uint64_t check_models(const settings::ModelSettings& models, const settings::Environment& environment,
                           const Tell& tell);
void check_evidence(const settings::EvidenceSettings& evidence, const settings::Environment& environment,
                    const Tell& tell);
void check_memory(const settings::Settings& settings, std::uint64_t model_bytes, const Tell& tell);
// True: a vedetted is there already.
bool check_http(const settings::Settings& settings, const Tell& tell);
void check_elements(const settings::Settings& settings, const Tell& tell);
void check_streams(const settings::Settings& settings, const DoctorOptions& options, const Tell& tell);

Findings judge_redis(const std::string& where, const sinks::redis::Examination& found);
Finding judge_room(const std::filesystem::path& folder, std::uint64_t quota, std::uint64_t used,
                   std::uint64_t free);
// What the service is likely to take at most: models, caches and streams.
std::uint64_t estimate_memory(std::uint64_t model_bytes, std::uint64_t kv_bytes, std::size_t streams);
Finding judge_memory(std::uint64_t needed, std::uint64_t available, std::size_t streams);
Findings judge_stream(const settings::StreamSettings& stream, const probe::ProbeReport& report);

// "1.3 GB", "240 MB"
std::string bytes_text(std::uint64_t bytes);

}  // namespace vedette::daemon::doctor
