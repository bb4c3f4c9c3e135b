#include "daemon/probe/round_trip.h"

#include <array>
#include <string_view>

#include "daemon/streams/reachability.h"

namespace vedette::daemon::probe {

namespace {

using std::chrono::steady_clock;
using streams::GObjectPtr;

// Of the server, not of a stream: whoever listens is told neither user nor password for this.
constexpr std::string_view kOptions = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: vedette\r\n\r\n";

streams::Failure failure_of(const GError& error) {
  streams::Failure failure = streams::classify(error, "", "");
  failure.detail = error.message;
  return failure;
}

// Until the first bytes of the answer.
bool ask_options(GSocketConnection* connection, GCancellable* cancel) {
  GOutputStream* out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
  GInputStream* in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
  if (g_output_stream_write_all(out, kOptions.data(), kOptions.size(), nullptr, cancel, nullptr) == FALSE)
    return false;
  std::array<char, 4096> answer{};
  const gssize count = g_input_stream_read(in, answer.data(), answer.size(), cancel, nullptr);
  return count > 0 && std::string_view(answer.data(), static_cast<std::size_t>(count)).starts_with("RTSP/");
}

}  // namespace

RoundTrip measure_round_trip(const settings::SourceUrl& source, const std::stop_token& stop) {
  if (!streams::goes_by_tcp(source)) return {};
  const GObjectPtr<GCancellable> cancel(g_cancellable_new());
  const std::stop_callback on_stop(stop, [&cancel] { g_cancellable_cancel(cancel.get()); });
  RoundTrip trip;
  streams::GlibError error;
  auto begin = steady_clock::now();
  const auto connection = streams::connect_by_tcp(source, cancel.get(), error);
  if (!connection) {
    trip.failure = failure_of(*error);
    return trip;
  }
  trip.connect = steady_clock::now() - begin;
  if (source.scheme != "rtsp") return trip;
  begin = steady_clock::now();
  if (ask_options(connection.get(), cancel.get())) trip.options = steady_clock::now() - begin;
  return trip;
}

}  // namespace vedette::daemon::probe
