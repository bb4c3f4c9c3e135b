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
// to nobody, harmlessly; the encoder's thread never owns the encoder, nor hands it anything.
class EncoderQueue {
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
  // The oldest item once it is finished; empty when stopped. Hands windows to the encoder while it waits.
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

  // What the encoder's callback reaches; all is guarded by `mutex`.
  struct Line {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Entry> entries;
    bool stopped = false;
    bool encoding_one = false;
    std::uint64_t generation = 0;  // of what was not dropped by `stop`
    Counters counters;

    void finished(std::uint64_t of_generation, models::runtime::EncodedAudio encoded);
  };

  void supersede_waiting(GstBuffer* newer);
  bool can_submit() const;
  void submit_next(std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<models::runtime::AudioEncoding> encoding_;
  const std::size_t capacity_;
  const bool supersede_;
  const std::shared_ptr<Line> line_ = std::make_shared<Line>();
};

}  // namespace vedette::gst
