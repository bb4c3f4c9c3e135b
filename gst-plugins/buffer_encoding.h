#pragma once

#include <gst/gst.h>

#include <exception>
#include <functional>
#include <memory>

namespace vedette::gst {

// What the encoder made of one buffer, on its way back to that buffer.
class EncodedBuffer {
 public:
  virtual ~EncodedBuffer() = default;
  // Puts it on the buffer as a meta. Called once. Requires: a writable buffer.
  virtual void attach(GstBuffer* buffer) = 0;
};

// How buffers of one kind are encoded: where vedaudioencoder and vedvisionencoder differ between their pads.
// One per element and start; owned by the element's queue, which calls it from both pads' threads.
class BufferEncoding {
 public:
  // Either a result or an error.
  using Done = std::function<void(std::unique_ptr<EncodedBuffer>, std::exception_ptr)>;

  virtual ~BufferEncoding() = default;
  // The result of a buffer that needs no encoder; null for one that does.
  virtual std::unique_ptr<EncodedBuffer> pass(GstBuffer* buffer) const = 0;
  // True when `newer` may take the place of `older`, which still waits or needs no encoder. `newer`, which is
  // writable, has then taken over what must outlive `older`.
  virtual bool supersede(GstBuffer* older, GstBuffer* newer) const = 0;
  // Begins to encode; `done` is called once, from any thread. Both borrow. `caps` are those that the buffer
  // came with. Throws: std::exception for a buffer that cannot be read; `done` is then never called.
  virtual void submit(GstBuffer* buffer, GstCaps* caps, Done done) = 0;
};

}  // namespace vedette::gst
