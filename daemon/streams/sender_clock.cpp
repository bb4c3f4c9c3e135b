#include "daemon/streams/sender_clock.h"

namespace vedette::daemon::streams {

namespace {

using std::chrono::nanoseconds;

constexpr std::uint8_t kSenderReport = 200;                // RFC 3550, 6.4.1
constexpr std::int64_t kNtpToUnixSeconds = 2'208'988'800;  // 1900-01-01 to 1970-01-01, RFC 868

std::uint32_t big_endian(std::span<const std::uint8_t> bytes) {
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) |
         bytes[3];
}

// Whose reports a jitter buffer gets.
struct Sender {
  const SenderReportTold* told;
  std::uint32_t session;
};

// The jitter buffer learned how RTP time, running time and the sender's UTC belong together.
void synced(const Sender* sender, GstStructure* sync, GstElement*) {
  guint64 base_rtp = 0, base_time = 0, report_rtp = 0;
  guint clock_rate = 0;
  const GValue* value = gst_structure_get_value(sync, "sr-buffer");
  if (value == nullptr || !GST_VALUE_HOLDS_BUFFER(value) ||
      gst_structure_get(sync, "base-rtptime", G_TYPE_UINT64, &base_rtp, "base-time", G_TYPE_UINT64,
                        &base_time, "clock-rate", G_TYPE_UINT, &clock_rate, "sr-ext-rtptime", G_TYPE_UINT64,
                        &report_rtp, nullptr) == FALSE ||
      clock_rate == 0 || !GST_CLOCK_TIME_IS_VALID(base_time)) {
    return;
  }
  GstBuffer* report = gst_value_get_buffer(value);
  GstMapInfo map;
  if (report == nullptr || gst_buffer_map(report, &map, GST_MAP_READ) == FALSE) return;
  const std::optional<nanoseconds> utc = utc_of_sender_report({map.data, map.size});
  gst_buffer_unmap(report, &map);
  if (!utc) return;
  const auto ticks = static_cast<std::int64_t>(report_rtp - base_rtp);
  const std::int64_t rate = clock_rate;
  const nanoseconds running(static_cast<std::int64_t>(base_time) + ticks / rate * 1'000'000'000 +
                            ticks % rate * 1'000'000'000 / rate);
  (*sender->told)(sender->session, *utc - running);
}

void watch_jitter_buffer(const SenderReportTold* told, GstElement* jitter_buffer, guint session, guint,
                         GstElement*) {
  g_signal_connect_data(
      jitter_buffer, "handle-sync", G_CALLBACK(synced), new Sender{told, session},
      [](gpointer sender, GClosure*) { delete static_cast<Sender*>(sender); }, G_CONNECT_SWAPPED);
}

}  // namespace

std::optional<nanoseconds> utc_of_sender_report(std::span<const std::uint8_t> packet) {
  while (packet.size() >= 4) {
    const std::size_t length = (std::size_t{packet[2]} << 8 | packet[3]) * 4 + 4;
    if (packet[0] >> 6 != 2 || length > packet.size()) return std::nullopt;
    if (packet[1] == kSenderReport && length >= 28) {
      const std::uint32_t seconds = big_endian(packet.subspan(8)), fraction = big_endian(packet.subspan(12));
      if (seconds == 0 && fraction == 0) return std::nullopt;
      return std::chrono::seconds(std::int64_t{seconds} - kNtpToUnixSeconds) +
             nanoseconds(static_cast<std::int64_t>(std::uint64_t{fraction} * 1'000'000'000 >> 32));
    }
    packet = packet.subspan(length);
  }
  return std::nullopt;
}

void watch_sender_reports(GstElement* rtp_manager, const SenderReportTold* told) {
  g_signal_connect_swapped(rtp_manager, "new-jitterbuffer", G_CALLBACK(watch_jitter_buffer),
                           const_cast<SenderReportTold*>(told));
}

}  // namespace vedette::daemon::streams
