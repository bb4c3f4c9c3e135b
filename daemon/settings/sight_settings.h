#pragma once

#include <vector>

#include "daemon/settings/section.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

// The keys of what is told from the picture, each into its struct; problems go into the context.
void read_caption(Section section, CaptionSettings& caption, ParseContext& context);
// The list `alerts` of a stream or of `defaults`; what is there already is replaced.
void read_alerts(Section& section, std::vector<AlertRule>& alerts, ParseContext& context);
void read_evidence(Section section, EvidenceSettings& evidence, ParseContext& context);

}  // namespace vedette::daemon::settings
