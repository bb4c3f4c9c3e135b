#pragma once

#include "daemon/settings/section.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

void read_tls(Section section, TlsSettings& tls, ParseContext& context);
// What a stream says about where it comes from, as a whole: one source, and no key that is not for it.
void check_source(Section& section, const StreamSettings& stream, ParseContext& context);
// A password written into the file itself, rather than taken from the environment: "://user:word@",
// "?passphrase=word".
bool has_plain_password(const YAML::Node& node);

}  // namespace vedette::daemon::settings
