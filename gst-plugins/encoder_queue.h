#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>

#include "gst-plugins/buffer_encoding.h"

namespace vedette::gst {

struct MiniObjectUnref {
  void operator()(GstMiniObject* object) const { gst_mini_object_unref(object); }
};
using MiniObjectPtr = std::unique_ptr<GstMiniObject, MiniObjectUnref>;

// The road from an encoder element's sink pad to its source pad: buffers and serialized events in order of
// arrival. One buffer at a time is with the encoder; while it is, a waiting buffer, and one behind it that
// needs no encoder, may be superseded by a newer one. At most `capacity` buffers are held: `put_buffer` then
// blocks, until there is room or `stop`. Thread-safe. What the encoder still holds when the queue is stopped
// or destroyed comes back to nobody, harmlessly; the encoder's thread never owns the encoder, nor hands it
// anything.
class EncoderQueue {
 public:
  struct Item {
    MiniObjectPtr object;  // GstBuffer or GstEvent
    bool is_buffer = false;
    MiniObjectPtr caps;                     // those that a buffer came with; may be null
    std::unique_ptr<EncodedBuffer> result;  // of a buffer, unless `error`
    std::exception_ptr error;               // the encoder could not
  };
  struct Counters {
    std::uint64_t buffers = 0, encoded = 0, passed = 0, superseded = 0, flushed = 0, failed = 0;
    std::size_t held = 0;  // buffers in the queue now
  };

  EncoderQueue(std::unique_ptr<BufferEncoding> encoding, std::size_t capacity, bool supersede)
      : encoding_(std::move(encoding)), capacity_(capacity), supersede_(supersede) {}

  // False when stopped; the object is dropped then. Requires: a writable buffer.
  bool put_buffer(MiniObjectPtr buffer, MiniObjectPtr caps);
  bool put_event(MiniObjectPtr event);
  // The oldest item once it is finished; empty when stopped. Hands buffers to the encoder while it waits.
  std::optional<Item> take();
  // Ends every wait and drops what is held, until `resume`.
  void stop();
  void resume();
  Counters counters() const;

 private:
  enum class Stage : std::uint8_t { kWaiting, kEncoding, kFinished };
  struct Entry {
    Item item;
    Stage stage = Stage::kWaiting;
    bool passed = false;  // it needs no encoder
  };

  // What the encoder's callback reaches; all is guarded by `mutex`.
  struct Line {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Entry> entries;
    bool stopped = false;
    bool encoding_one = false;
    std::uint64_t generation = 0;  // of what was not dropped by `stop`
    Counters counters;

    void finished(std::uint64_t of_generation, std::unique_ptr<EncodedBuffer> result,
                  std::exception_ptr error);
  };

  void supersede_waiting(GstBuffer* newer);
  bool can_submit() const;
  void submit_next(std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<BufferEncoding> encoding_;
  const std::size_t capacity_;
  const bool supersede_;
  const std::shared_ptr<Line> line_ = std::make_shared<Line>();
};

}  // namespace vedette::gst
