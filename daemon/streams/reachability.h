#pragma once

#include <optional>
#include <stop_token>

#include "daemon/settings/source_url.h"
#include "daemon/streams/failure.h"
#include "daemon/streams/tls_trust.h"

namespace vedette::daemon::streams {

// The reason that elements keep to themselves, where one can be found; else `failure`. A certificate that was
// refused; why the server cannot be reached, for which it is connected to once more, for 3 s at most. `ran`:
// media came.
Failure explain(const Failure& failure, const std::optional<settings::SourceUrl>& url,
                const std::optional<TlsTrust>& trust, bool ran, const std::stop_token& stop);

}  // namespace vedette::daemon::streams
