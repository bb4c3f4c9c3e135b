#include "gst-plugins/shared_meta.h"

namespace vedette::gst {

const GstMetaInfo* shared_meta(const char* api, const char* name, gsize size, GstMetaInitFunction init,
                               GstMetaFreeFunction free, GstMetaTransformFunction transform) {
  const GstMetaInfo* known = gst_meta_get_info(name);
  if (known != nullptr) return known;
  static const gchar* no_tags[] = {nullptr};
  GType type = g_type_from_name(api);
  if (type == 0) type = gst_meta_api_type_register(api, no_tags);
  return gst_meta_register(type, name, size, init, free, transform);
}

gboolean not_copied(GstBuffer*, GstMeta*, GstBuffer*, GQuark, gpointer) {
  return FALSE;
}

}  // namespace vedette::gst
