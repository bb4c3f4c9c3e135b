#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace vedette::daemon::streams {

// UTC, since 1970, at a point of running time: what a camera's RTCP sender report says. Compound packets are
// understood; empty when there is no sender report, or when it carries no time.
std::optional<std::chrono::nanoseconds> utc_of_sender_report(std::span<const std::uint8_t> packet);

// UTC of running time zero as a sender report of this RTP session says, before the manager aligns sessions.
using SenderReportTold = std::function<void(std::uint32_t session, std::chrono::nanoseconds utc_zero)>;

// Calls `told` whenever a sender report arrives, on GStreamer's threads. `told` must live as long as the
// manager (the rtpbin of an RTSP source).
void watch_sender_reports(GstElement* rtp_manager, const SenderReportTold* told);

}  // namespace vedette::daemon::streams
