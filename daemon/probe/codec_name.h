#pragma once

#include <gst/gst.h>

#include <string>

namespace vedette::daemon::probe {

// What people call the coding that these caps describe: "H.264"; "raw"; the caps' own name of one that is not
// known here.
std::string codec_name(const GstCaps* caps);

// "high, level 4"; empty when the caps tell neither.
std::string codec_profile(const GstCaps* caps);

}  // namespace vedette::daemon::probe
