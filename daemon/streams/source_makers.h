#pragma once

#include <string>

#include "daemon/settings/source_url.h"
#include "daemon/streams/source.h"

// How a source of each kind is made. Private to this folder.
namespace vedette::daemon::streams {

GstPtr<GstElement> make_element(const char* factory);

// A bin of a gst-launch description in which every pad that stays open becomes a pad of the bin, also later
// ones. Throws: std::invalid_argument when it is none.
GstPtr<GstElement> make_described(const std::string& description);
// Sets a property of the child with that name.
void set_child(GstElement* bin, const char* name, const char* property, const std::string& value);

Source make_rtsp(const settings::StreamSettings& stream);
Source make_srt(const settings::StreamSettings& stream, const settings::SourceUrl& url);
Source make_rtmp(const settings::StreamSettings& stream);
Source make_hls(const settings::StreamSettings& stream);
// v4l2, alsa, pulse, pipewire and test, with a microphone beside it.
Source make_device(const settings::StreamSettings& stream, const settings::SourceUrl& url);

// An element inside a described bin has a new pad: if nothing took it, it becomes a pad of the bin.
void expose_pad(GstElement* element, GstPad* pad, gpointer bin);

}  // namespace vedette::daemon::streams
