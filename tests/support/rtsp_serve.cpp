// Serves live RTSP streams on loopback, for ./demo and the end-to-end tests:
//   rtsp_serve [--basic USER:PASSWORD | --digest USER:PASSWORD] [--only tcp | --only udp] [--tls PEM] PORT
//   PATH DESCRIPTION [PATH DESCRIPTION ...]
// With --basic or --digest only that user may look; with --only the server refuses the other transport; with
// --tls it speaks RTSPS, and PEM holds its certificate and key. PORT
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

// From now on the server asks for this "user:password"; empty: for none.
void ask_for_password(GstRTSPAuth* auth, const std::string& credentials, GstRTSPAuthMethod method) {
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  const std::size_t colon = credentials.find(':');
  const std::string user = credentials.substr(0, colon);
  const std::string password = colon == std::string::npos ? "" : credentials.substr(colon + 1);
  gst_rtsp_auth_set_supported_methods(auth, method);
  if (credentials.empty()) {
    gst_rtsp_auth_set_default_token(auth, token);
  } else if (method == GST_RTSP_AUTH_BASIC) {
    gchar* basic = gst_rtsp_auth_make_basic(user.c_str(), password.c_str());
    gst_rtsp_auth_add_basic(auth, basic, token);
    g_free(basic);
  } else {
    gst_rtsp_auth_add_digest(auth, user.c_str(), password.c_str(), token);
  }
  gst_rtsp_token_unref(token);
}

// False when the file holds no certificate.
bool speak_tls(GstRTSPAuth* auth, const std::string& file) {
  const Handle<GTlsCertificate> certificate(g_tls_certificate_new_from_file(file.c_str(), nullptr));
  if (certificate) gst_rtsp_auth_set_tls_certificate(auth, certificate.get());
  return certificate != nullptr;
}

// What stands before PORT.
struct Options {
  std::string credentials, certificate;
  GstRTSPAuthMethod method = GST_RTSP_AUTH_BASIC;
  guint transports = GST_RTSP_LOWER_TRANS_TCP | GST_RTSP_LOWER_TRANS_UDP;
  int first = 1;  // where PORT stands

  bool protects() const { return !credentials.empty() || !certificate.empty(); }
};

Options read_options(int argc, char** argv) {
  Options options;
  for (; options.first + 1 < argc && argv[options.first][0] == '-'; options.first += 2) {
    const std::string option = argv[options.first], value = argv[options.first + 1];
    if (option == "--only") {
      options.transports = value == "udp" ? GST_RTSP_LOWER_TRANS_UDP : GST_RTSP_LOWER_TRANS_TCP;
    } else if (option == "--tls") {
      options.certificate = value;
    } else {
      options.credentials = value;
      options.method = option == "--basic" ? GST_RTSP_AUTH_BASIC : GST_RTSP_AUTH_DIGEST;
    }
  }
  return options;
}

int usage() {
  std::fprintf(stderr,
               "usage: rtsp_serve [--basic USER:PASSWORD | --digest USER:PASSWORD] [--only tcp | --only udp] "
               "[--tls PEM] PORT PATH "
               "DESCRIPTION [PATH DESCRIPTION ...]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const Options options = read_options(argc, argv);
  const int first = options.first;
  if (argc < first + 3 || (argc - first) % 2 != 1) return usage();
  const Handle<GstRTSPServer> server(gst_rtsp_server_new());
  gst_rtsp_server_set_address(server.get(), "127.0.0.1");
  gst_rtsp_server_set_service(server.get(), argv[first]);
  if (options.protects()) {
    const Handle<GstRTSPAuth> auth(gst_rtsp_auth_new());
    ask_for_password(auth.get(), options.credentials, options.method);
    if (!options.certificate.empty() && !speak_tls(auth.get(), options.certificate)) return usage();
    gst_rtsp_server_set_auth(server.get(), auth.get());
  }
  const Handle<GstRTSPMountPoints> mounts(gst_rtsp_server_get_mount_points(server.get()));
  for (int i = first + 1; i < argc; i += 2) {
    GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, argv[i + 1]);
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    gst_rtsp_media_factory_set_protocols(factory, static_cast<GstRTSPLowerTrans>(options.transports));
    if (options.protects()) {
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
