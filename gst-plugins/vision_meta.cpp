#include "gst-plugins/vision_meta.h"

#include <utility>

#include "gst-plugins/shared_meta.h"

namespace vedette::gst {

namespace {

gboolean init_frame(GstMeta* meta, gpointer, GstBuffer*) {
  auto* frame = reinterpret_cast<VedetteFrameMeta*>(meta);
  frame->epoch = frame->lost = 0;
  frame->running_time = GST_CLOCK_TIME_NONE;
  frame->change = 1.0F;
  frame->unchanged = FALSE;
  return TRUE;
}

gboolean copy_frame(GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark type, gpointer) {
  if (!GST_META_TRANSFORM_IS_COPY(type)) return FALSE;
  const auto* from = reinterpret_cast<VedetteFrameMeta*>(meta);
  VedetteFrameMeta* copy = add_frame_meta(to);
  copy->epoch = from->epoch;
  copy->running_time = from->running_time;
  copy->change = from->change;
  copy->unchanged = from->unchanged;
  copy->lost = from->lost;
  return TRUE;
}

gboolean init_vision(GstMeta* meta, gpointer, GstBuffer*) {
  auto* vision = reinterpret_cast<VedetteVisionMeta*>(meta);
  vision->seen = nullptr;
  return TRUE;
}

void free_vision(GstMeta* meta, GstBuffer*) {
  auto* vision = reinterpret_cast<VedetteVisionMeta*>(meta);
  delete vision->seen;
}

const GstMetaInfo* frame_info() {
  static const GstMetaInfo* const info = shared_meta(
      "VedetteFrameMetaAPI", "VedetteFrameMeta", sizeof(VedetteFrameMeta), init_frame, nullptr, copy_frame);
  return info;
}

const GstMetaInfo* vision_info() {
  static const GstMetaInfo* const info =
      shared_meta("VedetteVisionMetaAPI", "VedetteVisionMeta", sizeof(VedetteVisionMeta), init_vision,
                  free_vision, not_copied);
  return info;
}

}  // namespace

VedetteFrameMeta* add_frame_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteFrameMeta*>(gst_buffer_add_meta(buffer, frame_info(), nullptr));
}

VedetteFrameMeta* frame_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteFrameMeta*>(gst_buffer_get_meta(buffer, frame_info()->api));
}

GstEvent* new_epoch_event(guint32 epoch) {
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                              gst_structure_new(kEpochEvent, "epoch", G_TYPE_UINT, epoch, nullptr));
}

std::optional<std::uint32_t> epoch_of(GstEvent* event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_DOWNSTREAM) return std::nullopt;
  const GstStructure* text = gst_event_get_structure(event);
  guint epoch = 0;
  if (text == nullptr || gst_structure_has_name(text, kEpochEvent) == FALSE ||
      gst_structure_get_uint(text, "epoch", &epoch) == FALSE)
    return std::nullopt;
  return epoch;
}

VedetteVisionMeta* add_vision_meta(GstBuffer* buffer, models::runtime::EncodedImage seen) {
  auto* meta = reinterpret_cast<VedetteVisionMeta*>(gst_buffer_add_meta(buffer, vision_info(), nullptr));
  meta->seen = new models::runtime::EncodedImage(std::move(seen));
  return meta;
}

VedetteVisionMeta* vision_meta(GstBuffer* buffer) {
  return reinterpret_cast<VedetteVisionMeta*>(gst_buffer_get_meta(buffer, vision_info()->api));
}

}  // namespace vedette::gst
