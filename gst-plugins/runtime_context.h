#pragma once

#include <gst/gst.h>

#include <memory>

#include "models/runtime/audio_encoding.h"
#include "models/runtime/image_encoding.h"

namespace vedette::gst {

// The shared models, on their way to the elements: GstContext `vedette.runtime`, whose structure holds one
// boxed `VedetteRuntime` in the field `runtime`. An element asks its neighbours (CONTEXT query), then the
// application (NEED_CONTEXT message); where nobody answers it loads its own and says HAVE_CONTEXT.
inline constexpr const char* kRuntimeContext = "vedette.runtime";

struct RuntimeHandle {
  std::shared_ptr<models::runtime::AudioEncoding> hearing = nullptr;  // null: none
  std::shared_ptr<models::runtime::ImageEncoding> seeing = nullptr;   // null: none
};

// A new context that shares the ownership of what is in `handle`.
GstContext* new_runtime_context(const RuntimeHandle& handle);
// What a context of this type holds; empty for any other context.
RuntimeHandle runtime_of(GstContext* context);

}  // namespace vedette::gst
