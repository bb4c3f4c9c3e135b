#include "daemon/streams/source.h"

#include <gst/rtsp/gstrtsptransport.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace vedette::daemon::streams {

namespace {

constexpr guint64 kConnectTimeoutUs = 5'000'000;
// Without a packet in this time, `auto` changes from UDP to TCP, and `udp` gives up.
constexpr guint64 kUdpTimeoutUs = 3'000'000;
constexpr guint kJitterMs = 200;  // rtspsrc `latency`: reordering that the jitter buffer waits for

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw std::invalid_argument(base::mask_secrets(what) + ": " + why);
}

GstPtr<GstElement> make(const char* factory) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr) throw std::runtime_error(std::string("GStreamer has no element ") + factory);
  return GstPtr<GstElement>(GST_ELEMENT(gst_object_ref_sink(element)));
}

std::string_view media_text(const GstCaps* caps) {
  const GstStructure* first = gst_caps_get_structure(caps, 0);
  // RTP caps; rtspsrc calls them application/x-unknown until it knows the transport.
  if (const char* media = gst_structure_get_string(first, "media"); media != nullptr) return media;
  return gst_structure_get_name(first);
}

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

Source make_rtsp(const settings::StreamSettings& stream) {
  Source source{make("rtspsrc"), true, true};
  const guint lower = lower_transports(stream.transport);
  const bool tls = stream.source.starts_with("rtsps://");
  g_object_set(source.element.get(), "location", stream.source.c_str(), "protocols",
               tls ? static_cast<guint>(GST_RTSP_LOWER_TRANS_TLS) | lower : lower, "latency", kJitterMs,
               "tcp-timeout", kConnectTimeoutUs, "timeout", kUdpTimeoutUs, nullptr);
  g_signal_connect(source.element.get(), "select-stream", G_CALLBACK(select_stream), nullptr);
  return source;
}

// A bin of a gst-launch description in which every pad that stays open becomes a pad of the bin, also later
// ones.
GstPtr<GstElement> make_described(const std::string& description) {
  GError* raw = nullptr;
  GstElement* bin = gst_parse_bin_from_description(description.c_str(), FALSE, &raw);
  const GlibError error(raw);
  if (bin == nullptr || error) {
    if (bin != nullptr) gst_object_unref(gst_object_ref_sink(bin));
    refuse(description, error ? error->message : "not a gst-launch description");
  }
  g_object_set(bin, "async-handling", TRUE, nullptr);  // the pipeline plays before the last pad is there
  return GstPtr<GstElement>(GST_ELEMENT(gst_object_ref_sink(bin)));
}

Source make_file(const std::string& url) {
  GError* raw = nullptr;
  char* path = g_filename_from_uri(url.c_str(), nullptr, &raw);
  const GlibText owned(path);
  const GlibError error(raw);
  if (path == nullptr) refuse(url, error ? error->message : "not a file URL");
  Source source{make_described("filesrc name=vedette-file ! parsebin"), false, false};
  const GstPtr<GstElement> file(gst_bin_get_by_name(GST_BIN(source.element.get()), "vedette-file"));
  g_object_set(file.get(), "location", path, nullptr);
  return source;
}

// test://sound, test://picture, test://speech-free, ...: what needs neither a camera nor a file.
struct TestSource {
  std::string_view name;
  const char* description;
};
constexpr std::array<TestSource, 6> kTestSources{{
    {"",
     "audiotestsrc is-live=true volume=0.2  videotestsrc is-live=true ! "
     "capsfilter caps=video/x-raw,width=320,height=180,framerate=15/1"},
    {"tone", "audiotestsrc is-live=true"},
    {"silence", "audiotestsrc is-live=true wave=silence"},
    {"noise", "audiotestsrc is-live=true wave=pink-noise volume=0.2"},
    {"picture",
     "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=320,height=180,framerate=15/1"},
    {"black",
     "audiotestsrc is-live=true wave=silence  videotestsrc is-live=true pattern=black ! "
     "capsfilter caps=video/x-raw,width=320,height=180,framerate=15/1"},
}};

Source make_test(const std::string& url) {
  std::string_view name = std::string_view(url).substr(std::string_view("test://").size());
  while (name.ends_with('/')) name.remove_suffix(1);
  std::string known;
  for (const TestSource& test : kTestSources) {
    if (test.name == name) return {make_described(test.description), true, false};
    known += std::string(known.empty() ? "" : ", ") + "test://" + std::string(test.name);
  }
  refuse(url, "expected one of " + known);
}

// v4l2://, alsa://, pulse://, pipewire://: an element with a device.
struct DeviceSource {
  std::string_view scheme;
  const char* factory;
  const char* property;
};
constexpr std::array<DeviceSource, 4> kDeviceSources{{{"v4l2", "v4l2src", "device"},
                                                      {"alsa", "alsasrc", "device"},
                                                      {"pulse", "pulsesrc", "device"},
                                                      {"pipewire", "pipewiresrc", "target-object"}}};

void tell_pad(const SourceCallbacks& callbacks, GstPad* pad) {
  if (GST_PAD_IS_SRC(pad)) callbacks.on_pad(pad);
}

// An element inside a described bin has a new pad: if nothing took it, it becomes a pad of the bin.
void expose_pad(GstElement*, GstPad* pad, gpointer data) {
  auto* bin = GST_ELEMENT(data);
  if (!GST_PAD_IS_SRC(pad) || gst_pad_is_linked(pad) != FALSE) return;
  GstPad* ghost = gst_ghost_pad_new(nullptr, pad);
  gst_pad_set_active(ghost, TRUE);
  gst_element_add_pad(bin, ghost);
}

// Calls `visit` with each element of the bin, but not with those inside of these.
template <class Visit>
void for_each_element(GstElement* bin, Visit&& visit) {
  GstIterator* iterator = gst_bin_iterate_elements(GST_BIN(bin));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next(iterator, &item) == GST_ITERATOR_OK) {
    visit(GST_ELEMENT(g_value_get_object(&item)));
    g_value_reset(&item);
  }
  g_value_unset(&item);
  gst_iterator_free(iterator);
}

void expose_open_pads(GstElement* bin) {
  std::vector<GstPad*> open;
  for_each_element(bin, [&](GstElement* element) {
    for (const GList* at = element->srcpads; at != nullptr; at = at->next) {
      if (gst_pad_is_linked(GST_PAD(at->data)) == FALSE) open.push_back(GST_PAD(at->data));
    }
  });
  // The list is of the newest element first.
  for (auto pad = open.rbegin(); pad != open.rend(); ++pad) expose_pad(nullptr, *pad, bin);
}

// The elements that make pads later; the bin has all pads when the last of them has.
void watch_inside(GstElement* bin, const SourceCallbacks* callbacks) {
  bool later = false;
  for_each_element(bin, [&](GstElement* element) {
    for (const GList* at = gst_element_get_pad_template_list(element); at != nullptr; at = at->next) {
      const auto* pad_template = GST_PAD_TEMPLATE(at->data);
      if (pad_template->presence != GST_PAD_SOMETIMES || pad_template->direction != GST_PAD_SRC) continue;
      later = true;
      g_signal_connect(element, "pad-added", G_CALLBACK(expose_pad), bin);
      g_signal_connect_swapped(element, "no-more-pads",
                               G_CALLBACK(+[](const SourceCallbacks* c) { c->on_no_more_pads(); }),
                               const_cast<SourceCallbacks*>(callbacks));
      return;
    }
  });
  if (!later) callbacks->on_no_more_pads();
}

}  // namespace

Media media_of(const GstCaps* caps) {
  if (caps == nullptr || gst_caps_is_any(caps) || gst_caps_is_empty(caps)) return Media::kOther;
  const std::string_view text = media_text(caps);
  if (text.starts_with("audio")) return Media::kSound;
  if (text.starts_with("video") || text.starts_with("image")) return Media::kPicture;
  return Media::kOther;
}

Source make_source(const settings::StreamSettings& stream) {
  if (!stream.pipeline.empty()) return {make_described(stream.pipeline), true, false};
  const std::string& url = stream.source;
  if (url.starts_with("rtsp://") || url.starts_with("rtsps://")) return make_rtsp(stream);
  if (url.starts_with("file://")) return make_file(url);
  if (url.starts_with("test://")) return make_test(url);
  const std::size_t colon = url.find("://");
  for (const DeviceSource& device : kDeviceSources) {
    if (colon == std::string::npos || url.substr(0, colon) != device.scheme) continue;
    Source source{make_described(std::string(device.factory) + " name=vedette-device"), true, false};
    const GstPtr<GstElement> inner(gst_bin_get_by_name(GST_BIN(source.element.get()), "vedette-device"));
    if (colon + 3 < url.size()) g_object_set(inner.get(), device.property, url.c_str() + colon + 3, nullptr);
    return source;
  }
  refuse(url, "expected rtsp://, rtsps://, file://, v4l2://, alsa://, pulse://, pipewire:// or test://");
}

void watch_source(const Source& source, const SourceCallbacks* callbacks) {
  GstElement* element = source.element.get();
  auto* data = const_cast<SourceCallbacks*>(callbacks);
  g_signal_connect_swapped(element, "pad-added",
                           G_CALLBACK(+[](const SourceCallbacks* c, GstPad* pad) { tell_pad(*c, pad); }),
                           data);
  if (source.is_rtsp) {
    g_signal_connect_swapped(element, "no-more-pads",
                             G_CALLBACK(+[](const SourceCallbacks* c) { c->on_no_more_pads(); }), data);
    g_signal_connect_swapped(
        element, "new-manager",
        G_CALLBACK(+[](const SourceCallbacks* c, GstElement* manager) { c->on_rtp_manager(manager); }), data);
    return;
  }
  expose_open_pads(element);
  watch_inside(element, callbacks);
}

}  // namespace vedette::daemon::streams
