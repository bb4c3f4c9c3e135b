#pragma once

#include <gio/gio.h>

#include <optional>
#include <stop_token>

#include "daemon/settings/source_url.h"
#include "daemon/streams/failure.h"
#include "daemon/streams/gst_handles.h"
#include "daemon/streams/tls_trust.h"

namespace vedette::daemon::streams {

// Whether it begins with a TCP connection to its host: RTSP, RTMP and HLS.
bool goes_by_tcp(const settings::SourceUrl& source);

// Connects to the host of a source that goes by TCP; 3 s at most for each address. Null: see `error`.
GObjectPtr<GSocketConnection> connect_by_tcp(const settings::SourceUrl& source, GCancellable* cancel,
                                             GlibError& error);

// The reason that elements keep to themselves, where one can be found; else `failure`. A certificate that was
// refused; why the server cannot be reached, for which it is connected to once more, for 3 s at most. `ran`:
// media came.
Failure explain(const Failure& failure, const std::optional<settings::SourceUrl>& url,
                const std::optional<TlsTrust>& trust, bool ran, const std::stop_token& stop);

}  // namespace vedette::daemon::streams
