#pragma once

#include <gst/gst.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "daemon/probe/report.h"
#include "daemon/probe/tally.h"
#include "daemon/settings/settings.h"
#include "daemon/streams/source.h"

namespace vedette::daemon::probe {

// Decodes one medium of a source as the daemon's branches do, and looks on: what comes coded into the
// decoder, and raw out of it. The bin goes into a pipeline, which this must outlive. Counts come on
// GStreamer's threads; the rest may be called by any.
class MediaBranch {
 public:
  // Throws: std::runtime_error when an element is missing. Requires: `media` is sound or picture.
  MediaBranch(streams::Media media, settings::Decoder decoder);
  MediaBranch(const MediaBranch&) = delete;
  MediaBranch& operator=(const MediaBranch&) = delete;

  // For the pipeline to take; with one pad `sink`.
  GstElement* bin() const { return bin_; }

  std::uint64_t decoded() const;  // pictures or pieces of sound that came out
  Tally coded() const;            // what came in; of raw media, what came out
  PictureReport picture() const;
  SoundReport sound() const;

 private:
  friend struct MediaProbes;
  void add_coded(GstPad* pad, GstBuffer* buffer);
  void add_decoded(GstPad* pad, GstBuffer* buffer);
  void measure_level(GstBuffer* buffer);
  void measure_time();

  const streams::Media media_;
  GstElement* bin_ = nullptr;    // the pipeline's
  mutable std::mutex mutex_;     // guards the rest
  GstPad* coded_pad_ = nullptr;  // the decoder's that is counted; only compared
  Tally coded_, raw_;
  std::string codec_ = "raw", profile_;
  std::optional<double> announced_hz_;
  int width_ = 0, height_ = 0, rate_hz_ = 0, channels_ = 0;
  double energy_ = 0;
  std::uint64_t samples_ = 0;
  std::thread::id thread_;                      // that decoded last
  std::chrono::nanoseconds cpu_{0}, spent_{0};  // its processor time then; sum over decoded pictures
  std::uint64_t timed_ = 0;                     // pictures in that sum
};

}  // namespace vedette::daemon::probe
