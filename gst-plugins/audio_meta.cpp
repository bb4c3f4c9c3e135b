#include "gst-plugins/audio_meta.h"

#include "gst-plugins/shared_meta.h"

namespace vedette::gst {

namespace {

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

const GstMetaInfo* window_info() {
  static const GstMetaInfo* const info =
      shared_meta("VedetteAudioWindowMetaAPI", "VedetteAudioWindowMeta", sizeof(VedetteAudioWindowMeta),
                  init_window, nullptr, copy_window);
  return info;
}

const GstMetaInfo* features_info() {
  static const GstMetaInfo* const info =
      shared_meta("VedetteAudioFeaturesMetaAPI", "VedetteAudioFeaturesMeta", sizeof(VedetteAudioFeaturesMeta),
                  init_features, free_features, not_copied);
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
