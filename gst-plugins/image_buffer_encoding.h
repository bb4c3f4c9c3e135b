#pragma once

#include <memory>

#include "gst-plugins/buffer_encoding.h"
#include "models/runtime/image_encoding.h"

namespace vedette::gst {

// Raw frames (I420, NV12, RGB) to a VedetteVisionMeta. The encoder borrows the buffer's memory. A frame that
// vedframesampler marked as unchanged passes with an empty one. While the encoder is behind, any newer frame
// of the epoch that changed is encoded in the place of one that waits.
class ImageBufferEncoding final : public BufferEncoding {
 public:
  explicit ImageBufferEncoding(std::shared_ptr<models::runtime::ImageEncoding> seeing)
      : seeing_(std::move(seeing)) {}

  std::unique_ptr<EncodedBuffer> pass(GstBuffer* frame) const override;
  bool supersede(GstBuffer* older, GstBuffer* newer) const override;
  void submit(GstBuffer* frame, GstCaps* caps, Done done) override;

 private:
  const std::shared_ptr<models::runtime::ImageEncoding> seeing_;
};

// What the caps and the buffer say, mapped for reading and borrowed until `owner` is let go. Throws:
// std::runtime_error for other formats, or a buffer that is smaller than its caps say.
models::runtime::ImageFrame image_frame_of(GstBuffer* buffer, GstCaps* caps);

}  // namespace vedette::gst
