#pragma once

#include <memory>

#include "gst-plugins/buffer_encoding.h"
#include "models/runtime/audio_encoding.h"

namespace vedette::gst {

// Windows of sound to a VedetteAudioFeaturesMeta. A window that vedaudiowindow marked as silent passes with
// empty features; a newer window of the same epoch supersedes one whose sound it holds.
class AudioBufferEncoding final : public BufferEncoding {
 public:
  explicit AudioBufferEncoding(std::shared_ptr<models::runtime::AudioEncoding> hearing)
      : hearing_(std::move(hearing)) {}

  std::unique_ptr<EncodedBuffer> pass(GstBuffer* window) const override;
  bool supersede(GstBuffer* older, GstBuffer* newer) const override;
  void submit(GstBuffer* window, GstCaps* caps, Done done) override;

 private:
  const std::shared_ptr<models::runtime::AudioEncoding> hearing_;
};

}  // namespace vedette::gst
