#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>

#include "models/runtime/audio_encoding.h"

namespace vedette::gst {

struct MiniObjectUnref {
  void operator()(GstMiniObject* object) const { gst_mini_object_unref(object); }
};
using MiniObjectPtr = std::unique_ptr<GstMiniObject, MiniObjectUnref>;

// The road from vedaudioencoder's sink pad to its source pad: windows and serialized events in order of
// arrival. One window at a time is with the encoder; while it is, a waiting window that a newer one of its
// epoch covers is superseded. At most `capacity` windows are held: `put_window` then blocks, until there is
// room or `stop`. Thread-safe. What the encoder still holds when the queue is stopped or destroyed comes back
// to nobody, harmlessly.
class EncoderQueue : public std::enable_shared_from_this<EncoderQueue> {
 public:
  struct Item {
    MiniObjectPtr object;  // GstBuffer with a window meta, or GstEvent
    bool is_window = false;
    models::tensor::Tensor features;  // [frames, hidden]; empty for a silent window
    std::exception_ptr error;         // the encoder could not
  };
  struct Counters {
    std::uint64_t windows = 0, encoded = 0, silent = 0, superseded = 0, flushed = 0, failed = 0;
    std::size_t held = 0;  // windows in the queue now
  };

  EncoderQueue(std::shared_ptr<models::runtime::AudioEncoding> encoding, std::size_t capacity, bool supersede)
      : encoding_(std::move(encoding)), capacity_(capacity), supersede_(supersede) {}

  // False when stopped; the object is dropped then. Requires: a writable buffer.
  bool put_window(MiniObjectPtr buffer);
  bool put_event(MiniObjectPtr event);
  // The oldest item once it is finished; empty when stopped.
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
  };

  void supersede_waiting(GstBuffer* newer);
  void submit_next(std::unique_lock<std::mutex>& lock);
  void finished(std::uint64_t generation, models::runtime::EncodedAudio encoded);

  const std::shared_ptr<models::runtime::AudioEncoding> encoding_;
  const std::size_t capacity_;
  const bool supersede_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  bool stopped_ = false;
  bool encoding_one_ = false;
  std::uint64_t generation_ = 0;  // of what was not dropped by `stop`
  Counters counters_;
};

}  // namespace vedette::gst
