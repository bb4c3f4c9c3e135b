#include "daemon/streams/reachability.h"

namespace vedette::daemon::streams {

namespace {

constexpr guint kTimeoutS = 3;

std::string reason_of(const GError& error) {
  if (error.domain == G_RESOLVER_ERROR) return "dns";
  if (error.domain != G_IO_ERROR) return "";
  switch (error.code) {
    case G_IO_ERROR_CONNECTION_REFUSED: return "refused";
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE: return "unreachable";
    case G_IO_ERROR_TIMED_OUT: return "timeout";
    default: return "";
  }
}

}  // namespace

bool goes_by_tcp(const settings::SourceUrl& source) {
  return source.on_network() && source.kind != settings::SourceKind::kSrt;
}

GObjectPtr<GSocketConnection> connect_by_tcp(const settings::SourceUrl& source, GCancellable* cancel,
                                             GlibError& error) {
  const GObjectPtr<GSocketClient> client(g_socket_client_new());
  g_socket_client_set_timeout(client.get(), kTimeoutS);
  GError* raw = nullptr;
  GObjectPtr<GSocketConnection> connection(g_socket_client_connect_to_host(
      client.get(), source.host.c_str(), static_cast<guint16>(source.port), cancel, &raw));
  error.reset(raw);
  return connection;
}

namespace {

// Why a server of RTSP, RTMP or HLS cannot be connected to: "dns", "refused", "unreachable" or "timeout";
// nothing when it can be reached after all.
Failure why_unreachable(const settings::SourceUrl& source, const std::stop_token& stop) {
  const GObjectPtr<GCancellable> cancel(g_cancellable_new());
  const std::stop_callback on_stop(stop, [&cancel] { g_cancellable_cancel(cancel.get()); });
  GlibError error;
  if (connect_by_tcp(source, cancel.get(), error)) return {};
  const std::string reason = reason_of(*error);
  return reason.empty() ? Failure{} : Failure{reason, error->message};
}

}  // namespace

Failure explain(const Failure& failure, const std::optional<settings::SourceUrl>& url,
                const std::optional<TlsTrust>& trust, bool ran, const std::stop_token& stop) {
  if (trust) {
    if (std::string why = trust->refused(); !why.empty()) return {"tls", std::move(why)};
  }
  const bool by_tcp = url && goes_by_tcp(*url);
  // hlsdemux calls it a fault of decoding when it gets no playlist.
  const bool plain = failure.reason == "source" ||
                     (url && url->kind == settings::SourceKind::kHls && failure.reason == "decode");
  if (ran || !by_tcp || !plain) return failure;
  const Failure why = why_unreachable(*url, stop);
  return why.reason.empty() ? failure : why;
}

}  // namespace vedette::daemon::streams
