#pragma once

#include <string>
#include <vector>

#include "daemon/probe/report.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::probe {

// What an operator should know or change about a source that works: plain sentences, the weightiest first.
// `stream`: what of it is wanted.
std::vector<Advice> advise(const ProbeReport& report, const settings::StreamSettings& stream);

// What to do about a source that does not work, by the reason of its state; empty for a word that is none.
std::string remedy(const std::string& reason);

}  // namespace vedette::daemon::probe
