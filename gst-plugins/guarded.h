#pragma once

#include <gst/gst.h>

#include <exception>

namespace vedette::gst {

// Runs `body` at the border to C: an exception becomes an error message of the element, and `otherwise` is
// returned.
template <class Result, class Body>
Result guarded(gpointer element, Result otherwise, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(element, LIBRARY, FAILED, ("%s", error.what()), (nullptr));
  } catch (...) {
    GST_ELEMENT_ERROR(element, LIBRARY, FAILED, ("unknown exception"), (nullptr));
  }
  return otherwise;
}

}  // namespace vedette::gst
