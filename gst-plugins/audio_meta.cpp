#include "gst-plugins/audio_meta.h"

namespace vedette::gst {

namespace {

constexpr const char* kWindowApi = "VedetteAudioWindowMetaAPI";
constexpr const char* kWindowMeta = "VedetteAudioWindowMeta";
constexpr const char* kFeaturesApi = "VedetteAudioFeaturesMetaAPI";
constexpr const char* kFeaturesMeta = "VedetteAudioFeaturesMeta";

GType api_type(const char* name) {
  const GType known = g_type_from_name(name);
  static const gchar* no_tags[] = {nullptr};
  return known != 0 ? known : gst_meta_api_type_register(name, no_tags);
}

gboolean init_window(GstMeta* meta, gpointer, GstBuffer*) {
  auto* window = reinterpret_cast<VedetteAudioWindowMeta*>(meta);
  window->epoch = 0;
  window->running_time = GST_CLOCK_TIME_NONE;
  window->level_dbfs = -120.0F;
  window->silent = window->moved_on = window->last = FALSE;
  return TRUE;
}

gboolean copy_window(GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark type, gpointer data) {
  if (!GST_META_TRANSFORM_IS_COPY(type) || static_cast<GstMetaTransformCopy*>(data)->region != FALSE)
    return FALSE;
  const auto* from = reinterpret_cast<VedetteAudioWindowMeta*>(meta);
  VedetteAudioWindowMeta* copy = add_audio_window_meta(to);
  copy->epoch = from->epoch;
  copy->running_time = from->running_time;
  copy->level_dbfs = from->level_dbfs;
  copy->silent = from->silent;
  copy->moved_on = from->moved_on;
  copy->last = from->last;
  return TRUE;
}

gboolean init_features(GstMeta* meta, gpointer, GstBuffer*) {
  reinterpret_cast<VedetteAudioFeaturesMeta*>(meta)->features = nullptr;
  return TRUE;
}

void free_features(GstMeta* meta, GstBuffer*) {
  delete reinterpret_cast<VedetteAudioFeaturesMeta*>(meta)->features;
}

gboolean keep_features(GstBuffer*, GstMeta*, GstBuffer*, GQuark, gpointer) {
  return FALSE;
}

// The first of the plugin and the daemon that asks registers; the other finds the same by its name.
const GstMetaInfo* window_info() {
  static const GstMetaInfo* const info = [] {
    const GstMetaInfo* known = gst_meta_get_info(kWindowMeta);
    return known != nullptr
               ? known
               : gst_meta_register(api_type(kWindowApi), kWindowMeta, sizeof(VedetteAudioWindowMeta),
                                   init_window, nullptr, copy_window);
  }();
  return info;
}

const GstMetaInfo* features_info() {
  static const GstMetaInfo* const info = [] {
    const GstMetaInfo* known = gst_meta_get_info(kFeaturesMeta);
    return known != nullptr
               ? known
               : gst_meta_register(api_type(kFeaturesApi), kFeaturesMeta, sizeof(VedetteAudioFeaturesMeta),
                                   init_features, free_features, keep_features);
  }();
  return info;
}

}  // namespace

VedetteAudioWindowMeta* add_audio_window_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteAudioWindowMeta*>(gst_buffer_add_meta(buffer, window_info(), nullptr));
}

VedetteAudioWindowMeta* audio_window_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteAudioWindowMeta*>(gst_buffer_get_meta(buffer, window_info()->api));
}

VedetteAudioFeaturesMeta* add_audio_features_meta(GstBuffer* buffer, models::tensor::Tensor features) {
  auto* meta =
      reinterpret_cast<VedetteAudioFeaturesMeta*>(gst_buffer_add_meta(buffer, features_info(), nullptr));
  meta->features = new models::tensor::Tensor(std::move(features));
  return meta;
}

VedetteAudioFeaturesMeta* audio_features_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteAudioFeaturesMeta*>(gst_buffer_get_meta(buffer, features_info()->api));
}

GstEvent* new_settled_event(guint32 epoch, guint64 running_time) {
  return gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                              gst_structure_new(kSettledEvent, "epoch", G_TYPE_UINT, epoch, "running-time",
                                                G_TYPE_UINT64, running_time, nullptr));
}

}  // namespace vedette::gst
