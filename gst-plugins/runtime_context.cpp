#include "gst-plugins/runtime_context.h"

namespace vedette::gst {

namespace {

constexpr const char* kField = "runtime";

// The plugin and the daemon are linked apart: the first one registers, the other finds the type by its name.
GType handle_type() {
  static const GType type = [] {
    const GType known = g_type_from_name("VedetteRuntime");
    if (known != 0) return known;
    return g_boxed_type_register_static(
        "VedetteRuntime",
        [](gpointer handle) -> gpointer { return new RuntimeHandle(*static_cast<RuntimeHandle*>(handle)); },
        [](gpointer handle) { delete static_cast<RuntimeHandle*>(handle); });
  }();
  return type;
}

}  // namespace

GstContext* new_runtime_context(const RuntimeHandle& handle) {
  GstContext* context = gst_context_new(kRuntimeContext, TRUE);
  gst_structure_set(gst_context_writable_structure(context), kField, handle_type(), &handle, nullptr);
  return context;
}

RuntimeHandle runtime_of(GstContext* context) {
  if (context == nullptr || gst_context_has_context_type(context, kRuntimeContext) == FALSE) return {};
  const GValue* value = gst_structure_get_value(gst_context_get_structure(context), kField);
  if (value == nullptr || !G_VALUE_HOLDS(value, handle_type())) return {};
  return *static_cast<const RuntimeHandle*>(g_value_get_boxed(value));
}

}  // namespace vedette::gst
