#include "daemon/streams/decoder_choice.h"

#include <string_view>

#include "daemon/streams/gst_handles.h"

namespace vedette::daemon::streams {

namespace {

// GstAutoplugSelectResult, which is private to the plugin of decodebin.
enum class Autoplug : std::uint8_t { kTry, kExpose, kSkip };

int skip_hardware(GstElement*, GstPad*, GstCaps*, GstElementFactory* factory, gpointer) {
  return static_cast<int>(is_hardware_decoder(factory) ? Autoplug::kSkip : Autoplug::kTry);
}

void tame(GstBin*, GstBin*, GstElement* element, gpointer) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "max-threads") == nullptr) return;
  g_object_set(element, "max-threads", 1, nullptr);
}

}  // namespace

bool is_hardware_decoder(GstElementFactory* factory) {
  const char* klass = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
  const std::string_view text = klass == nullptr ? "" : klass;
  return text.find("Decoder") != text.npos && text.find("Hardware") != text.npos;
}

bool inside_hardware_decoder(GstObject* object) {
  if (object == nullptr) return false;
  if (GST_IS_ELEMENT(object)) {
    GstElementFactory* factory = gst_element_get_factory(GST_ELEMENT(object));
    if (factory != nullptr && is_hardware_decoder(factory)) return true;
  }
  const GstPtr<GstObject> parent(gst_object_get_parent(object));
  return inside_hardware_decoder(parent.get());
}

void choose_decoder(GstElement* decodebin, settings::Decoder decoder) {
  g_signal_connect(decodebin, "deep-element-added", G_CALLBACK(tame), nullptr);
  if (decoder == settings::Decoder::kSoftware)
    g_signal_connect(decodebin, "autoplug-select", G_CALLBACK(skip_hardware), nullptr);
}

}  // namespace vedette::daemon::streams
