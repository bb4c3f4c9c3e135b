#pragma once

#include <chrono>
#include <stop_token>

#include "daemon/probe/report.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::probe {

struct ProbeOptions {
  std::chrono::milliseconds connect{10'000};  // until the first media; then it is a timeout
  std::chrono::milliseconds least{3'000};     // of looking, so that rates mean something
  std::chrono::milliseconds longest{10'000};  // of looking, for what is still unknown (key frames, clock)
};

// Looks at a stream's source once, on the road that the daemon takes, and says what it is, or why it is not
// to be had. Returns within `connect` + `longest` + 10 s, and within 4 s of a stop. Requires:
// streams::start_gstreamer was called. Thread-safe.
ProbeReport probe_stream(const settings::StreamSettings& stream, const ProbeOptions& options,
                         const std::stop_token& stop = {});

}  // namespace vedette::daemon::probe
