// Serves live RTSP streams on loopback, for ./demo and the end-to-end tests:
//   rtsp_serve [--basic USER:PASSWORD | --digest USER:PASSWORD] [--only tcp | --only udp] PORT PATH
//   DESCRIPTION [PATH DESCRIPTION ...]
// With --basic or --digest only that user may look; with --only the server refuses the other transport. PORT
// 0 means any free one. DESCRIPTION is a gst-launch-1.0 text whose payloaders are called pay0, pay1,
// ...; all clients of a path share one pipeline. Prints "listening on PORT", then runs until SIGTERM or
// SIGINT.
#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

namespace {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Handle = std::unique_ptr<T, Unref>;

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop*>(loop));
  return G_SOURCE_CONTINUE;
}

constexpr const char* kRole = "viewer";

// From now on the server asks for this "user:password".
void ask_for_password(GstRTSPServer* server, const std::string& credentials, GstRTSPAuthMethod method) {
  const std::size_t colon = credentials.find(':');
  const std::string user = credentials.substr(0, colon);
  const std::string password = colon == std::string::npos ? "" : credentials.substr(colon + 1);
  const Handle<GstRTSPAuth> auth(gst_rtsp_auth_new());
  gst_rtsp_auth_set_supported_methods(auth.get(), method);
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  if (method == GST_RTSP_AUTH_BASIC) {
    gchar* basic = gst_rtsp_auth_make_basic(user.c_str(), password.c_str());
    gst_rtsp_auth_add_basic(auth.get(), basic, token);
    g_free(basic);
  } else {
    gst_rtsp_auth_add_digest(auth.get(), user.c_str(), password.c_str(), token);
  }
  gst_rtsp_token_unref(token);
  gst_rtsp_server_set_auth(server, auth.get());
}

int usage() {
  std::fprintf(stderr,
               "usage: rtsp_serve [--basic USER:PASSWORD | --digest USER:PASSWORD] [--only tcp | --only udp] "
               "PORT PATH "
               "DESCRIPTION [PATH DESCRIPTION ...]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const std::string option = argc > 1 ? argv[1] : "";
  const bool protects = option == "--basic" || option == "--digest";
  int first = protects ? 3 : 1;  // where PORT stands
  guint transports = GST_RTSP_LOWER_TRANS_TCP | GST_RTSP_LOWER_TRANS_UDP;
  if (argc > first + 1 && std::string(argv[first]) == "--only") {
    transports = std::string(argv[first + 1]) == "udp" ? GST_RTSP_LOWER_TRANS_UDP : GST_RTSP_LOWER_TRANS_TCP;
    first += 2;
  }
  if (argc < first + 3 || (argc - first) % 2 != 1) return usage();
  const Handle<GstRTSPServer> server(gst_rtsp_server_new());
  gst_rtsp_server_set_address(server.get(), "127.0.0.1");
  gst_rtsp_server_set_service(server.get(), argv[first]);
  if (protects) {
    ask_for_password(server.get(), argv[2], option == "--basic" ? GST_RTSP_AUTH_BASIC : GST_RTSP_AUTH_DIGEST);
  }
  const Handle<GstRTSPMountPoints> mounts(gst_rtsp_server_get_mount_points(server.get()));
  for (int i = first + 1; i < argc; i += 2) {
    GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, argv[i + 1]);
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    gst_rtsp_media_factory_set_protocols(factory, static_cast<GstRTSPLowerTrans>(transports));
    if (protects) {
      gst_rtsp_media_factory_add_role(factory, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN,
                                      TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE,
                                      nullptr);
    }
    gst_rtsp_mount_points_add_factory(mounts.get(), argv[i], factory);  // takes the factory
  }
  if (gst_rtsp_server_attach(server.get(), nullptr) == 0) {
    std::fprintf(stderr, "rtsp_serve: cannot listen on 127.0.0.1:%s\n", argv[first]);
    return 1;
  }
  std::printf("listening on %d\n", gst_rtsp_server_get_bound_port(server.get()));
  std::fflush(stdout);
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  g_unix_signal_add(SIGTERM, quit, loop);
  g_unix_signal_add(SIGINT, quit, loop);
  g_main_loop_run(loop);
  g_main_loop_unref(loop);
  return 0;
}
