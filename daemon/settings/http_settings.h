#pragma once

#include "daemon/settings/section.h"
#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

// `http: HOST:PORT`, `http: off`, or `http: {listen: HOST:PORT, token: WORD}`. Without `token` the systemd
// credential http-token is taken where there is one.
void read_http(Section& root, Settings& settings, ParseContext& context);

}  // namespace vedette::daemon::settings
