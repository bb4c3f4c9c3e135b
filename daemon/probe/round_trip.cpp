#include "daemon/probe/round_trip.h"

#include <gio/gio.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::probe {

namespace {

using std::chrono::steady_clock;

constexpr guint kTimeoutS = 3;

struct ObjectUnref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using GObjectPtr = std::unique_ptr<T, ObjectUnref>;
struct UriUnref {
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
using UriPtr = std::unique_ptr<GUri, UriUnref>;

// Schemes that begin with a TCP connection, and their ports.
constexpr std::array<std::pair<std::string_view, int>, 6> kPorts{
    {{"rtsp", 554}, {"rtsps", 322}, {"rtmp", 1935}, {"rtmps", 443}, {"http", 80}, {"https", 443}}};

streams::Failure failure_of(const GError& error) {
  streams::Failure failure = streams::classify(error, "", "");
  failure.detail = error.message;
  return failure;
}

// Without user and password: whoever listens is not told them for this.
std::string options_request(GUri* uri, int port) {
  const std::string host = g_uri_get_host(uri);
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return "OPTIONS rtsp://" + shown + ":" + std::to_string(port) + g_uri_get_path(uri) +
         " RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: vedette\r\n\r\n";
}

// Until the first bytes of the answer.
bool ask(GSocketConnection* connection, const std::string& request, GCancellable* cancel) {
  GOutputStream* out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
  GInputStream* in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
  if (g_output_stream_write_all(out, request.data(), request.size(), nullptr, cancel, nullptr) == FALSE)
    return false;
  std::array<char, 4096> answer{};
  const gssize count = g_input_stream_read(in, answer.data(), answer.size(), cancel, nullptr);
  return count > 0 && std::string_view(answer.data(), static_cast<std::size_t>(count)).starts_with("RTSP/");
}

}  // namespace

RoundTrip measure_round_trip(const std::string& url, const std::stop_token& stop) {
  constexpr auto kFlags =
      static_cast<GUriFlags>(G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED);
  const UriPtr uri(g_uri_parse(url.c_str(), kFlags, nullptr));
  if (!uri || g_uri_get_host(uri.get()) == nullptr || *g_uri_get_host(uri.get()) == '\0') return {};
  const auto* known = std::ranges::find(kPorts, std::string_view(g_uri_get_scheme(uri.get())),
                                        &std::pair<std::string_view, int>::first);
  if (known == kPorts.end()) return {};
  const int port = g_uri_get_port(uri.get()) > 0 ? g_uri_get_port(uri.get()) : known->second;
  const GObjectPtr<GSocketClient> client(g_socket_client_new());
  g_socket_client_set_timeout(client.get(), kTimeoutS);
  const GObjectPtr<GCancellable> cancel(g_cancellable_new());
  const std::stop_callback on_stop(stop, [&cancel] { g_cancellable_cancel(cancel.get()); });

  RoundTrip trip;
  GError* raw = nullptr;
  auto begin = steady_clock::now();
  const GObjectPtr<GSocketConnection> connection(g_socket_client_connect_to_host(
      client.get(), g_uri_get_host(uri.get()), static_cast<guint16>(port), cancel.get(), &raw));
  if (!connection) {
    const streams::GlibError error(raw);
    trip.failure = failure_of(*error);
    return trip;
  }
  trip.connect = steady_clock::now() - begin;
  if (known->first != "rtsp") return trip;
  begin = steady_clock::now();
  if (ask(connection.get(), options_request(uri.get(), port), cancel.get()))
    trip.options = steady_clock::now() - begin;
  return trip;
}

}  // namespace vedette::daemon::probe
