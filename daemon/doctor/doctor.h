#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "daemon/doctor/finding.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::doctor {

struct DoctorOptions {
  std::chrono::milliseconds look{5'000};  // longest look at one stream's media
  bool streams = true;                    // look at the streams
};

// Looks at everything that a service with this configuration needs, as whoever runs it, and tells each
// finding as it comes. Writes nothing that stays. Requires: streams::start_gstreamer was called, when streams
// are looked at.
void examine(const std::filesystem::path& file, const settings::Environment& environment,
             const DoctorOptions& options, const std::function<void(const Finding&)>& tell);

}  // namespace vedette::daemon::doctor
