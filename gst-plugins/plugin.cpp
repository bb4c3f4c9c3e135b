// libgstvedette.so: the elements `ved*`. It links libvedette.so and exports the plugin's description only.
#include <gst/gst.h>

#include "base/build_id.h"
#include "base/build_id_here.h"
#include "gst-plugins/guarded.h"
#include "gst-plugins/vedaudioencoder.h"
#include "gst-plugins/vedaudiowindow.h"
#include "gst-plugins/vedframesampler.h"
#include "gst-plugins/vedvisionencoder.h"

namespace {

gboolean init(GstPlugin* plugin) {
  const std::string mismatch = vedette::base::build_mismatch(vedette::base::kBuildIdHere, "libgstvedette.so");
  if (!mismatch.empty()) {
    g_printerr("vedette: %s\n", mismatch.c_str());
    return FALSE;
  }
  return gst_element_register(plugin, "vedaudiowindow", GST_RANK_NONE,
                              vedette::gst::ved_audio_window_get_type()) &&
         gst_element_register(plugin, "vedaudioencoder", GST_RANK_NONE,
                              vedette::gst::ved_audio_encoder_get_type()) &&
         gst_element_register(plugin, "vedframesampler", GST_RANK_NONE,
                              vedette::gst::ved_frame_sampler_get_type()) &&
         gst_element_register(plugin, "vedvisionencoder", GST_RANK_NONE,
                              vedette::gst::ved_vision_encoder_get_type());
}

}  // namespace

#define PACKAGE "vedette"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, vedette,
                  "Speech and sight models as GStreamer elements", init, VEDETTE_VERSION, "Apache 2.0",
                  PACKAGE, "Unknown package origin")
