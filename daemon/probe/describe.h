#pragma once

#include <string>
#include <vector>

#include "daemon/probe/report.h"

namespace vedette::daemon::probe {

// "H.264 1920x1080 at 25, AAC 16000 Hz, clock rtcp": what there is, in one line.
std::string summary(const ProbeReport& report);

// All of it, a line a subject, with what to do; ends with a line break.
std::string to_text(const ProbeReport& report, const std::vector<Advice>& advice);

// All of it as one JSON object.
std::string to_json(const ProbeReport& report, const std::vector<Advice>& advice);

}  // namespace vedette::daemon::probe
