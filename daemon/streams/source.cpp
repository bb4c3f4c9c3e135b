#include "daemon/streams/source.h"

#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "daemon/streams/source_makers.h"

namespace vedette::daemon::streams {

namespace {

std::string_view media_text(const GstCaps* caps) {
  const GstStructure* first = gst_caps_get_structure(caps, 0);
  // RTP caps; rtspsrc calls them application/x-unknown until it knows the transport.
  if (const char* media = gst_structure_get_string(first, "media"); media != nullptr) return media;
  return gst_structure_get_name(first);
}

Source make_file(const std::string& url) {
  GError* raw = nullptr;
  char* path = g_filename_from_uri(url.c_str(), nullptr, &raw);
  const GlibText owned(path);
  const GlibError error(raw);
  if (path == nullptr) throw std::invalid_argument(url + ": " + (error ? error->message : "not a file URL"));
  Source source{make_described("filesrc name=vedette-file ! parsebin"), false};
  source.all_with_media = true;  // not every file says it
  set_child(source.element.get(), "vedette-file", "location", path);
  return source;
}

void tell_pad(const SourceCallbacks& callbacks, GstPad* pad) {
  if (GST_PAD_IS_SRC(pad)) callbacks.on_pad(pad);
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
void watch_inside(GstElement* bin, const SourceCallbacks* callbacks, bool says_all) {
  bool later = false;
  for_each_element(bin, [&](GstElement* element) {
    for (const GList* at = gst_element_get_pad_template_list(element); at != nullptr; at = at->next) {
      const auto* pad_template = GST_PAD_TEMPLATE(at->data);
      if (pad_template->presence != GST_PAD_SOMETIMES || pad_template->direction != GST_PAD_SRC) continue;
      later = true;
      g_signal_connect(element, "pad-added", G_CALLBACK(expose_pad), bin);
      if (!says_all) return;
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

GstPtr<GstElement> make_element(const char* factory) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr) throw std::runtime_error(std::string("GStreamer has no element ") + factory);
  return GstPtr<GstElement>(GST_ELEMENT(gst_object_ref_sink(element)));
}

GstPtr<GstElement> make_described(const std::string& description) {
  GError* raw = nullptr;
  GstElement* bin = gst_parse_bin_from_description(description.c_str(), FALSE, &raw);
  const GlibError error(raw);
  if (bin == nullptr || error) {
    if (bin != nullptr) gst_object_unref(gst_object_ref_sink(bin));
    throw std::invalid_argument(base::mask_secrets(description) + ": " +
                                (error ? error->message : "not a gst-launch description"));
  }
  g_object_set(bin, "async-handling", TRUE, nullptr);  // the pipeline plays before the last pad is there
  return GstPtr<GstElement>(GST_ELEMENT(gst_object_ref_sink(bin)));
}

void set_child(GstElement* bin, const char* name, const char* property, const std::string& value) {
  const GstPtr<GstElement> child(gst_bin_get_by_name(GST_BIN(bin), name));
  g_object_set(child.get(), property, value.c_str(), nullptr);
}

void expose_pad(GstElement*, GstPad* pad, gpointer bin) {
  if (!GST_PAD_IS_SRC(pad) || gst_pad_is_linked(pad) != FALSE) return;
  GstPad* ghost = gst_ghost_pad_new(nullptr, pad);
  gst_pad_set_active(ghost, TRUE);
  gst_element_add_pad(GST_ELEMENT(bin), ghost);
}

Source make_source(const settings::StreamSettings& stream) {
  if (!stream.pipeline.empty()) return {make_described(stream.pipeline)};
  const settings::SourceUrl url = settings::parse_source_url(stream.source);
  switch (url.kind) {
    case settings::SourceKind::kRtsp: return make_rtsp(stream);
    case settings::SourceKind::kSrt: return make_srt(stream, url);
    case settings::SourceKind::kRtmp: return make_rtmp(stream);
    case settings::SourceKind::kHls: return make_hls(stream);
    case settings::SourceKind::kFile: return make_file(stream.source);
    default: return make_device(stream, url);
  }
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
  watch_inside(element, callbacks, !source.in_bursts);
}

}  // namespace vedette::daemon::streams
