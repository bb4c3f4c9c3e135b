#pragma once

#include <string>
#include <vector>

namespace vedette::daemon::probe {

// An element of GStreamer that is not installed.
struct MissingElement {
  std::string what;     // "element rtspsrc", "decoder of H.264"
  std::string package;  // of Debian
  bool needed = true;   // false: only for some cameras and files
};

// What the daemon's pipelines would not find here for streams from these sources (URLs; "" for a
// description). Requires: GStreamer was started.
std::vector<MissingElement> missing_elements(const std::vector<std::string>& sources);

}  // namespace vedette::daemon::probe
