#include "daemon/streams/reachability.h"

#include <gio/gio.h>
#include <gst/rtsp/gstrtspurl.h>

#include <memory>

#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::streams {

namespace {

constexpr guint kTimeoutS = 3;

struct ObjectUnref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using GObjectPtr = std::unique_ptr<T, ObjectUnref>;

struct UrlFree {
  void operator()(GstRTSPUrl* url) const { gst_rtsp_url_free(url); }
};

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

Failure why_unreachable(const std::string& url, const std::stop_token& stop) {
  GstRTSPUrl* raw = nullptr;
  if (gst_rtsp_url_parse(url.c_str(), &raw) != GST_RTSP_OK || raw == nullptr) return {};
  const std::unique_ptr<GstRTSPUrl, UrlFree> parsed(raw);
  guint16 port = 0;
  gst_rtsp_url_get_port(parsed.get(), &port);
  const GObjectPtr<GSocketClient> client(g_socket_client_new());
  g_socket_client_set_timeout(client.get(), kTimeoutS);
  const GObjectPtr<GCancellable> cancel(g_cancellable_new());
  const std::stop_callback on_stop(stop, [&cancel] { g_cancellable_cancel(cancel.get()); });
  GError* error = nullptr;
  GSocketConnection* connection =
      g_socket_client_connect_to_host(client.get(), parsed->host, port, cancel.get(), &error);
  if (connection != nullptr) g_object_unref(connection);
  const GlibError owned(error);
  if (!owned) return {};
  const std::string reason = reason_of(*owned);
  return reason.empty() ? Failure{} : Failure{reason, owned->message};
}

}  // namespace vedette::daemon::streams
