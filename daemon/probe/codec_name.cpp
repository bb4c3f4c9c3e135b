#include "daemon/probe/codec_name.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace vedette::daemon::probe {

namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 23> kNames{{
    {"video/x-h264", "H.264"},
    {"video/x-h265", "H.265"},
    {"video/x-av1", "AV1"},
    {"video/x-vp8", "VP8"},
    {"video/x-vp9", "VP9"},
    {"video/x-theora", "Theora"},
    {"video/x-h263", "H.263"},
    {"video/x-prores", "ProRes"},
    {"video/x-dv", "DV"},
    {"image/jpeg", "Motion JPEG"},
    {"image/png", "PNG"},
    {"video/x-raw", "raw"},
    {"audio/x-raw", "raw"},
    {"audio/x-opus", "Opus"},
    {"audio/x-vorbis", "Vorbis"},
    {"audio/x-flac", "FLAC"},
    {"audio/x-mulaw", "G.711 mu-law"},
    {"audio/x-alaw", "G.711 A-law"},
    {"audio/G722", "G.722"},
    {"audio/x-adpcm", "ADPCM"},
    {"audio/AMR", "AMR"},
    {"audio/x-ac3", "AC-3"},
    {"audio/x-speex", "Speex"},
}};

std::string mpeg_name(const GstStructure* structure, bool sound) {
  int version = 0, layer = 0;
  gst_structure_get_int(structure, "mpegversion", &version);
  gst_structure_get_int(structure, "layer", &layer);
  if (sound) return version != 1 ? "AAC" : layer == 3 ? "MP3" : "MPEG audio";
  return version == 4 ? "MPEG-4 Visual" : version == 1 ? "MPEG-1" : "MPEG-2";
}

}  // namespace

std::string codec_name(const GstCaps* caps) {
  if (caps == nullptr || gst_caps_get_size(caps) == 0) return "unknown";
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  const std::string_view name = gst_structure_get_name(structure);
  if (name == "audio/mpeg" || name == "video/mpeg") return mpeg_name(structure, name.starts_with("audio"));
  const auto* known = std::ranges::find(kNames, name, &std::pair<std::string_view, const char*>::first);
  return known == kNames.end() ? std::string(name) : known->second;
}

std::string codec_profile(const GstCaps* caps) {
  if (caps == nullptr || gst_caps_get_size(caps) == 0) return "";
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  const char* profile = gst_structure_get_string(structure, "profile");
  const char* level = gst_structure_get_string(structure, "level");
  std::string text = profile == nullptr ? "" : profile;
  if (level != nullptr) text += std::string(text.empty() ? "" : ", ") + "level " + level;
  return text;
}

}  // namespace vedette::daemon::probe
