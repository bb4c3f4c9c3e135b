#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <optional>
#include <span>

#include "daemon/settings/settings.h"
#include "gst-plugins/runtime_context.h"
#include "models/runtime/image_encoding.h"

namespace vedette::daemon::streams {

// What a stream's pipeline sees, in running time. Called on GStreamer's threads; must not block, but for
// `on_window` and `on_look` of a file that is read as fast as it can be.
struct MediaHooks {
  using Time = std::chrono::nanoseconds;
  std::function<void(const GstTagList*)> on_tags;              // before the media that they are of
  std::function<void(Time, std::uint64_t bytes)> on_media;     // anything from the source
  std::function<void()> on_end;                                // the source has no more of one of its tracks
  std::function<void(Time, std::span<const float>)> on_sound;  // 16 kHz mono
  std::function<void(GstBuffer*)> on_window;                   // with its two metas; writable
  std::function<void(Time)> on_frame;                          // a picture arrived
  // One of those that are looked at, before it is sampled: its epoch, or nothing when it is to be left out.
  std::function<std::optional<std::uint32_t>(Time, const models::runtime::ImageFrame&)> on_look;
  std::function<void()> on_sampled;                       // one of those goes on to the encoder
  std::function<void(GstBuffer*, GstCaps*)> on_seen;      // and comes from it, with its two metas; writable
  std::function<void()> on_windows_end, on_pictures_end;  // none comes any more
};

struct BranchOptions {
  bool is_rtp = false;  // the pad gives RTP packets
  bool paced = false;   // a file whose time passes as if live
  bool fast = false;    // a file that is read as fast as it can be: nothing is left out
};

// The branches of a stream's pipeline, as bins with one pad `sink` that takes what the source gives: any
// codec, RTP or not. `hooks` must live as long as the bin. See docs/streams.md for their threads and queues.
// Throws: std::runtime_error when an element is missing.
GstElement* make_sound_branch(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime,
                              const BranchOptions& options, const MediaHooks* hooks);
GstElement* make_picture_branch(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime,
                                const BranchOptions& options, const MediaHooks* hooks);

}  // namespace vedette::daemon::streams
