#pragma once

#include <stop_token>
#include <string>

#include "daemon/streams/failure.h"

namespace vedette::daemon::streams {

// Why an RTSP server cannot be connected to: rtspsrc keeps that to itself. Connects once more, for 3 s at
// most: "dns", "refused", "unreachable" or "timeout"; nothing when it can be reached after all, or `url` has
// no host.
Failure why_unreachable(const std::string& url, const std::stop_token& stop);

}  // namespace vedette::daemon::streams
