#include "gst-plugins/vision_meta.h"

#include <utility>

namespace vedette::gst {

namespace {

constexpr const char* kApi = "VedetteVisionMetaAPI";
constexpr const char* kMeta = "VedetteVisionMeta";

GType api_type() {
  const GType known = g_type_from_name(kApi);
  static const gchar* no_tags[] = {nullptr};
  return known != 0 ? known : gst_meta_api_type_register(kApi, no_tags);
}

gboolean init_meta(GstMeta* meta, gpointer, GstBuffer*) {
  auto* vision = reinterpret_cast<VedetteVisionMeta*>(meta);
  vision->tokens = nullptr;
  vision->sightings = nullptr;
  return TRUE;
}

void free_meta(GstMeta* meta, GstBuffer*) {
  auto* vision = reinterpret_cast<VedetteVisionMeta*>(meta);
  delete vision->tokens;
  delete vision->sightings;
}

gboolean keep_meta(GstBuffer*, GstMeta*, GstBuffer*, GQuark, gpointer) {
  return FALSE;
}

// The first of the plugin and the daemon that asks registers; the other finds the same by its name.
const GstMetaInfo* info() {
  static const GstMetaInfo* const registered = [] {
    const GstMetaInfo* known = gst_meta_get_info(kMeta);
    return known != nullptr ? known
                            : gst_meta_register(api_type(), kMeta, sizeof(VedetteVisionMeta), init_meta,
                                                free_meta, keep_meta);
  }();
  return registered;
}

}  // namespace

VedetteVisionMeta* add_vision_meta(GstBuffer* buffer, models::tensor::Tensor tokens,
                                   std::vector<models::runtime::Sighting> sightings) {
  auto* meta = reinterpret_cast<VedetteVisionMeta*>(gst_buffer_add_meta(buffer, info(), nullptr));
  meta->tokens = new models::tensor::Tensor(std::move(tokens));
  meta->sightings = new std::vector<models::runtime::Sighting>(std::move(sightings));
  return meta;
}

VedetteVisionMeta* vision_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteVisionMeta*>(gst_buffer_get_meta(buffer, info()->api));
}

}  // namespace vedette::gst
