#pragma once

#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <string>

#include "gst-plugins/encoder_queue.h"
#include "gst-plugins/vedencoder.h"

namespace vedette::gst {

// The private part of a VedEncoder: its options, its models, its queue and the task that empties it.
// `options`, `runtime` and `queue_` are guarded by the object lock; pads and kind never change.
class EncoderElement {
 public:
  struct Options {
    std::string model;
    guint most_held = 0;
    bool supersede = true;
    guint latency_ms = 0;
    bool post_messages = true;
    bool skip_errors = false;
  };

  EncoderElement(GstElement* object, const EncoderKind& what, GstPad* sink_pad, GstPad* src_pad)
      : element(object), kind(what), sink(sink_pad), src(src_pad) {
    options.most_held = kind.texts().most_held;
    options.latency_ms = kind.texts().latency_ms;
  }

  Options read_options() const { return read(options); }
  RuntimeHandle read_runtime() const { return read(runtime); }
  std::shared_ptr<EncoderQueue> read_queue() const { return read(queue_); }
  bool has_model() const { return kind.has_model(read_runtime()); }

  // True when there are models: given before, by a neighbour, by the application, or loaded here.
  // Throws: std::runtime_error when `model` cannot be loaded.
  bool find_runtime();
  void open_queue();
  void close_queue();

  // The sink pad's thread. Both take what they are given.
  GstFlowReturn take_buffer(GstBuffer* buffer);
  bool take_event(GstEvent* event);  // Requires: a serialized event
  // Any thread.
  bool flush_start(GstEvent* event);
  bool flush_stop(GstEvent* event);
  bool activate(bool active);

  GstElement* const element;
  const EncoderKind& kind;
  GstPad* const sink;
  GstPad* const src;
  Options options;
  RuntimeHandle runtime;

 private:
  template <class Value>
  Value read(const Value& locked) const {
    GST_OBJECT_LOCK(element);
    Value copy = locked;
    GST_OBJECT_UNLOCK(element);
    return copy;
  }
  bool ask_neighbours(GstPad* pad);
  bool start_task();
  void push_next();
  void push_buffer(EncoderQueue::Item item);
  void warn(const std::exception_ptr& error);
  void fail(GstFlowReturn result);

  std::shared_ptr<EncoderQueue> queue_;           // READY to PAUSED and back
  std::atomic<GstFlowReturn> flow_{GST_FLOW_OK};  // what the sink pad answers once the queue is stopped
};

}  // namespace vedette::gst
