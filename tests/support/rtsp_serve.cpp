// Serves live RTSP streams on loopback, for ./demo and the end-to-end tests:
//   rtsp_serve PORT PATH DESCRIPTION [PATH DESCRIPTION ...]
// PORT 0 means any free one. DESCRIPTION is a gst-launch-1.0 text whose payloaders are called pay0, pay1,
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

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc % 2 != 0) {
    std::fprintf(stderr, "usage: rtsp_serve PORT PATH DESCRIPTION [PATH DESCRIPTION ...]\n");
    return 2;
  }
  gst_init(&argc, &argv);
  const Handle<GstRTSPServer> server(gst_rtsp_server_new());
  gst_rtsp_server_set_address(server.get(), "127.0.0.1");
  gst_rtsp_server_set_service(server.get(), argv[1]);
  const Handle<GstRTSPMountPoints> mounts(gst_rtsp_server_get_mount_points(server.get()));
  for (int i = 2; i < argc; i += 2) {
    GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, argv[i + 1]);
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    gst_rtsp_mount_points_add_factory(mounts.get(), argv[i], factory);  // takes the factory
  }
  if (gst_rtsp_server_attach(server.get(), nullptr) == 0) {
    std::fprintf(stderr, "rtsp_serve: cannot listen on 127.0.0.1:%s\n", argv[1]);
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
