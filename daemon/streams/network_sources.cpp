#include <gst/rtsp/gstrtsptransport.h>

#include <charconv>

#include "daemon/streams/source_makers.h"

namespace vedette::daemon::streams {

namespace {

using std::chrono::milliseconds;

constexpr guint64 kConnectTimeoutUs = 5'000'000;
// Without a packet in this time, `auto` changes from UDP to TCP, and `udp` gives up.
constexpr guint64 kUdpTimeoutUs = 3'000'000;
constexpr guint kJitterMs = 200;  // rtspsrc `latency`: reordering that the jitter buffer waits for

// Until it is received: a server keeps up to a few seconds from the last key frame for who comes new.
constexpr milliseconds kRtmpError{3000};
// Players begin three segments before the end of a live playlist (RFC 8216, 6.3.3), of 6 s as a rule, and a
// segment is told when it is whole.
constexpr milliseconds kHlsError{30'000};
// hlsdemux takes the best variant up to this: enough for what the models see, and never another in the
// middle.
constexpr guint kHlsKbps = 2000;

// rtspsrc asks for each stream of the SDP: one of sound, one of picture, and nothing else is set up.
gboolean select_stream(GstElement* source, guint, GstCaps* caps, gpointer) {
  const Media media = media_of(caps);
  if (media == Media::kOther) return FALSE;
  const char* key = media == Media::kSound ? "vedette-sound" : "vedette-picture";
  if (g_object_get_data(G_OBJECT(source), key) != nullptr) return FALSE;
  g_object_set_data(G_OBJECT(source), key, source);
  return TRUE;
}

// rtspsrc tries UDP before TCP when it may use both.
guint lower_transports(settings::Transport transport) {
  switch (transport) {
    case settings::Transport::kTcp: return GST_RTSP_LOWER_TRANS_TCP;
    case settings::Transport::kUdp: return GST_RTSP_LOWER_TRANS_UDP;
    case settings::Transport::kAuto: return GST_RTSP_LOWER_TRANS_UDP | GST_RTSP_LOWER_TRANS_TCP;
  }
  return GST_RTSP_LOWER_TRANS_TCP;
}

// A playlist's pad gives whole segments, in MPEG-TS, MP4 or as plain sound.
void parse_playlist(GstElement*, GstPad* pad, GstElement* bin) {
  GstElement* parser = gst_element_factory_make("parsebin", nullptr);
  if (parser == nullptr) return;
  g_signal_connect(parser, "pad-added", G_CALLBACK(expose_pad), bin);
  gst_bin_add(GST_BIN(bin), parser);
  const GstPtr<GstPad> sink(gst_element_get_static_pad(parser, "sink"));
  gst_pad_link(pad, sink.get());
  gst_element_sync_state_with_parent(parser);
}

}  // namespace

Source make_rtsp(const settings::StreamSettings& stream) {
  Source source{make_element("rtspsrc")};
  source.is_rtsp = true;
  const guint lower = lower_transports(stream.transport);
  const bool tls = stream.source.starts_with("rtsps://");
  g_object_set(source.element.get(), "location", stream.source.c_str(), "protocols",
               tls ? static_cast<guint>(GST_RTSP_LOWER_TRANS_TLS) | lower : lower, "latency", kJitterMs,
               "tcp-timeout", kConnectTimeoutUs, "timeout", kUdpTimeoutUs, nullptr);
  g_signal_connect(source.element.get(), "select-stream", G_CALLBACK(select_stream), nullptr);
  return source;
}

Source make_srt(const settings::StreamSettings& stream, const settings::SourceUrl& url) {
  // We connect anew by ourselves, and say so.
  Source source{make_described("srtsrc name=vedette-srt auto-reconnect=false ! parsebin")};
  set_child(source.element.get(), "vedette-srt", "uri", stream.source);
  int latency_ms = 125;  // srtsrc's own
  if (const auto given = url.options.find("latency"); given != url.options.end())
    std::from_chars(given->second.data(), given->second.data() + given->second.size(), latency_ms);
  source.receive_error += milliseconds(latency_ms);
  source.all_with_media = true;
  return source;
}

Source make_rtmp(const settings::StreamSettings& stream) {
  Source source{make_described("rtmp2src name=vedette-rtmp ! parsebin")};
  set_child(source.element.get(), "vedette-rtmp", "location", stream.source);
  source.receive_error = kRtmpError;
  source.all_with_media = true;
  return source;
}

Source make_hls(const settings::StreamSettings& stream) {
  // hlsdemux2 fetches by itself, without a user, and only inside urisourcebin.
  Source source{make_described("souphttpsrc name=vedette-http ! hlsdemux name=vedette-hls connection-speed=" +
                               std::to_string(kHlsKbps))};
  set_child(source.element.get(), "vedette-http", "location", stream.source);
  const GstPtr<GstElement> demux(gst_bin_get_by_name(GST_BIN(source.element.get()), "vedette-hls"));
  g_signal_connect(demux.get(), "pad-added", G_CALLBACK(parse_playlist), source.element.get());
  source.in_bursts = source.all_with_media = true;
  source.receive_error = kHlsError;
  return source;
}

}  // namespace vedette::daemon::streams
