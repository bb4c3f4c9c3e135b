#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "daemon/settings/settings.h"
#include "daemon/streams/gst_handles.h"
#include "daemon/streams/stream_clock.h"

namespace vedette::daemon::streams {

enum class Media : std::uint8_t { kSound, kPicture, kOther };

// What a pad with these caps carries; RTP by its `media` field.
Media media_of(const GstCaps* caps);

// The first element of a stream's pipeline, made from the settings' source or pipeline text, in the state
// NULL. Its pads come when they come; the callbacks are called on GStreamer's threads.
struct Source {
  GstPtr<GstElement> element;
  bool live = true;  // time passes by itself; false: a file, which may be paced
  bool is_rtsp = false;
  bool in_bursts = false;  // HLS: whole segments come at once, ahead of their time
  bool all_with_media =
      false;  // nothing says that all tracks are there, but they are when the first media come
  // Half-width of the error bar of a time by receipt: how long after it was taken media may come.
  std::chrono::milliseconds receive_error = StreamClock::kReceiveError;
};

struct SourceCallbacks {
  std::function<void(GstPad*)> on_pad;              // a pad with media
  std::function<void()> on_no_more_pads;            // all are there
  std::function<void(GstElement*)> on_rtp_manager;  // rtpbin of an RTSP source
};

// Throws: std::invalid_argument for a URL or description that no element takes; the text names it, without
// passwords.
Source make_source(const settings::StreamSettings& stream);

// Tells of the pads that are there and of those to come. Call once, before the element leaves NULL; the
// callbacks must live as long as the element. Requires: `source.element` is in its pipeline.
void watch_source(const Source& source, const SourceCallbacks* callbacks);

}  // namespace vedette::daemon::streams
