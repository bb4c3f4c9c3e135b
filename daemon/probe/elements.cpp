#include "daemon/probe/elements.h"

#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::probe {

namespace {

constexpr const char* kCore = "libgstreamer1.0-0";
constexpr const char* kBase = "gstreamer1.0-plugins-base";
constexpr const char* kGood = "gstreamer1.0-plugins-good";
constexpr const char* kBad = "gstreamer1.0-plugins-bad";
constexpr const char* kLibav = "gstreamer1.0-libav";

struct Element {
  const char* name;
  const char* package;
  std::string_view scheme;  // only for sources of this; "": for all
};
constexpr std::array<Element, 34> kElements{{{"queue", kCore, ""},
                                             {"fakesink", kCore, ""},
                                             {"clocksync", kCore, "file"},
                                             {"filesrc", kCore, "file"},
                                             {"decodebin", kBase, ""},
                                             {"parsebin", kBase, ""},
                                             {"appsink", kBase, ""},
                                             {"audioconvert", kBase, ""},
                                             {"audioresample", kBase, ""},
                                             {"videoconvert", kBase, ""},
                                             {"videoscale", kBase, ""},
                                             {"deinterlace", kGood, ""},
                                             {"videoflip", kGood, ""},
                                             {"audiotestsrc", kBase, "test"},
                                             {"videotestsrc", kBase, "test"},
                                             {"rtspsrc", kGood, "rtsp"},
                                             {"rtpjitterbuffer", kGood, "rtsp"},
                                             {"rtph264depay", kGood, "rtsp"},
                                             {"rtpmp4gdepay", kGood, "rtsp"},
                                             {"srtsrc", kBad, "srt"},
                                             {"tsdemux", kBad, "srt"},
                                             {"rtmp2src", kBad, "rtmp"},
                                             {"flvdemux", kGood, "rtmp"},
                                             {"souphttpsrc", kGood, "http"},
                                             {"hlsdemux", kBad, "http"},
                                             {"v4l2src", kGood, "v4l2"},
                                             {"alsasrc", "gstreamer1.0-alsa", "alsa"},
                                             {"pulsesrc", kGood, "pulse"},
                                             {"pipewiresrc", "gstreamer1.0-pipewire", "pipewire"},
                                             {"qtdemux", kGood, "file"},
                                             {"matroskademux", kGood, "file"},
                                             {"wavparse", kGood, "file"},
                                             {"h264parse", kBad, ""},
                                             {"aacparse", kGood, ""}}};

struct Coding {
  const char* name;
  const char* caps;
  const char* package;
  bool needed;  // nearly every camera has it
};
constexpr std::array<Coding, 7> kCodings{
    {{"H.264", "video/x-h264,stream-format=byte-stream,alignment=au", kLibav, true},
     {"H.265", "video/x-h265,stream-format=byte-stream,alignment=au", kLibav, false},
     {"Motion JPEG", "image/jpeg", kGood, false},
     {"AAC", "audio/mpeg,mpegversion=4,stream-format=raw", kLibav, true},
     {"G.711 mu-law", "audio/x-mulaw", kGood, false},
     {"G.711 A-law", "audio/x-alaw", kGood, false},
     {"Opus", "audio/x-opus", kBase, false}}};

bool has_decoder(const char* caps_text) {
  const streams::GstPtr<GstCaps> caps(gst_caps_from_string(caps_text));
  GList* decoders =
      gst_element_factory_list_get_elements(GST_ELEMENT_FACTORY_TYPE_DECODER, GST_RANK_MARGINAL);
  GList* fitting = gst_element_factory_list_filter(decoders, caps.get(), GST_PAD_SINK, FALSE);
  const bool found = fitting != nullptr;
  gst_plugin_feature_list_free(fitting);
  gst_plugin_feature_list_free(decoders);
  return found;
}

bool has_element(const char* name) {
  GstElementFactory* factory = gst_element_factory_find(name);
  if (factory == nullptr) return false;
  gst_object_unref(factory);
  return true;
}

}  // namespace

std::vector<MissingElement> missing_elements(const std::vector<std::string>& sources) {
  const auto wanted = [&sources](std::string_view scheme) {
    return scheme.empty() || std::ranges::any_of(sources, [&](const std::string& source) {
             return source.starts_with(scheme);
           });
  };
  std::vector<MissingElement> missing;
  for (const Element& element : kElements) {
    if (wanted(element.scheme) && !has_element(element.name))
      missing.push_back({"element " + std::string(element.name), element.package, true});
  }
  // A made source is not coded.
  if (std::ranges::all_of(sources, [](const std::string& source) { return source.starts_with("test://"); }))
    return missing;
  for (const Coding& coding : kCodings) {
    if (!has_decoder(coding.caps))
      missing.push_back({"decoder of " + std::string(coding.name), coding.package, coding.needed});
  }
  return missing;
}

}  // namespace vedette::daemon::probe
