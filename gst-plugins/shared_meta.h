#pragma once

#include <gst/gst.h>

namespace vedette::gst {

// The meta of this name. The first of the plugin and the daemon, which are linked apart, that asks registers
// it; the other finds the same by its name.
const GstMetaInfo* shared_meta(const char* api, const char* name, gsize size, GstMetaInitFunction init,
                               GstMetaFreeFunction free, GstMetaTransformFunction transform);

// For a meta that a copy of its buffer does not get.
gboolean not_copied(GstBuffer*, GstMeta*, GstBuffer*, GQuark, gpointer);

}  // namespace vedette::gst
