#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "daemon/settings/source_url.h"
#include "daemon/streams/failure.h"

namespace vedette::daemon::probe {

// How a server answers before anything is asked of it that costs it something.
struct RoundTrip {
  streams::Failure failure;  // why it cannot be connected to; an empty reason: it can, or is not of TCP
  std::optional<std::chrono::nanoseconds> connect;  // TCP, the name's look-up included
  std::optional<std::chrono::nanoseconds> options;  // RTSP OPTIONS and its answer
};

// Connects to the host, of rtsp:// also asks for its OPTIONS, and hangs up; 3 s at most for each wait. Of a
// source that does not go by TCP nothing is tried.
RoundTrip measure_round_trip(const settings::SourceUrl& source, const std::stop_token& stop);

}  // namespace vedette::daemon::probe
