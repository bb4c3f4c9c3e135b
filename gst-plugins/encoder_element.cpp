#include "gst-plugins/encoder_element.h"

#include <exception>
#include <string>

#include "gst-plugins/guarded.h"

namespace vedette::gst {

bool EncoderElement::ask_neighbours(GstPad* pad) {
  GstQuery* query = gst_query_new_context(kRuntimeContext);
  GstContext* context = nullptr;
  if (gst_pad_peer_query(pad, query) != FALSE) gst_query_parse_context(query, &context);
  if (context != nullptr) gst_element_set_context(element, context);
  gst_query_unref(query);
  return has_model();
}

bool EncoderElement::find_runtime() {
  if (has_model() || ask_neighbours(src) || ask_neighbours(sink)) return true;
  gst_element_post_message(element, gst_message_new_need_context(GST_OBJECT(element), kRuntimeContext));
  if (has_model()) return true;
  const std::string model = read_options().model;
  if (model.empty()) {
    GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS,
                      ("no %s: set `model` to a model folder, or answer the context %s", kind.texts().model,
                       kRuntimeContext),
                      (nullptr));
    return false;
  }
  GstContext* context = new_runtime_context(kind.load(model));
  gst_element_set_context(element, context);
  gst_element_post_message(element, gst_message_new_have_context(GST_OBJECT(element), context));
  return true;
}

void EncoderElement::open_queue() {
  const Options now = read_options();
  auto fresh = std::make_shared<EncoderQueue>(kind.open(read_runtime()), now.most_held, now.supersede);
  fresh->stop();  // until the source pad's task runs
  GST_OBJECT_LOCK(element);
  queue_.swap(fresh);
  GST_OBJECT_UNLOCK(element);
}

void EncoderElement::close_queue() {
  std::shared_ptr<EncoderQueue> old;
  GST_OBJECT_LOCK(element);
  old.swap(queue_);
  GST_OBJECT_UNLOCK(element);
}

void EncoderElement::fail(GstFlowReturn result) {
  flow_ = result;
  read_queue()->stop();
  gst_pad_pause_task(src);
  if (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS) {
    gst_pad_push_event(src, gst_event_new_eos());
  }
}

// One turn of the source pad's task.
void EncoderElement::push_next() {
  const std::shared_ptr<EncoderQueue> line = read_queue();
  std::optional<EncoderQueue::Item> item = line ? line->take() : std::nullopt;
  if (!item) {
    gst_pad_pause_task(src);
    return;
  }
  if (item->is_buffer) return push_buffer(std::move(*item));
  gst_pad_push_event(src, GST_EVENT_CAST(item->object.release()));
}

void EncoderElement::push_buffer(EncoderQueue::Item item) {
  const Options now = read_options();
  if (item.error && !now.skip_errors) {
    guarded(element, false, [&]() -> bool { std::rethrow_exception(item.error); });
    return fail(GST_FLOW_ERROR);
  }
  item.object.reset(GST_MINI_OBJECT_CAST(gst_buffer_make_writable(GST_BUFFER_CAST(item.object.release()))));
  auto* buffer = GST_BUFFER_CAST(item.object.get());
  if (item.error) {
    warn(item.error);
  } else {
    item.result->attach(buffer);
  }
  if (now.post_messages && !item.error) {
    gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), kind.describe(buffer)));
  }
  const GstFlowReturn result = gst_pad_push(src, GST_BUFFER_CAST(item.object.release()));
  if (result == GST_FLOW_OK) return;
  if (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS) GST_ELEMENT_FLOW_ERROR(element, result);
  fail(result);
}

void EncoderElement::warn(const std::exception_ptr& error) {
  std::string why = "unknown exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    why = known.what();
  } catch (...) {
  }
  GST_ELEMENT_WARNING(element, STREAM, ENCODE, ("%s", why.c_str()), (nullptr));
}

bool EncoderElement::start_task() {
  const GstTaskFunction run = [](gpointer self) {
    auto* encoder = static_cast<EncoderElement*>(self);
    guarded(encoder->element, false, [&] { return encoder->push_next(), true; });
  };
  return gst_pad_start_task(src, run, this, nullptr) != FALSE;
}

GstFlowReturn EncoderElement::take_buffer(GstBuffer* buffer) {
  MiniObjectPtr owned(GST_MINI_OBJECT_CAST(gst_buffer_make_writable(buffer)));
  const std::shared_ptr<EncoderQueue> line = read_queue();
  GstCaps* caps = gst_pad_get_current_caps(sink);
  MiniObjectPtr came_with(caps == nullptr ? nullptr : GST_MINI_OBJECT_CAST(caps));
  return line && line->put_buffer(std::move(owned), std::move(came_with)) ? GST_FLOW_OK : flow_.load();
}

bool EncoderElement::take_event(GstEvent* event) {
  MiniObjectPtr owned(GST_MINI_OBJECT_CAST(event));
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstCaps* ours = kind.src_caps(caps);
    owned.reset(GST_MINI_OBJECT_CAST(gst_event_new_caps(ours)));
    gst_caps_unref(ours);
  }
  const std::shared_ptr<EncoderQueue> line = read_queue();
  return line && line->put_event(std::move(owned));
}

bool EncoderElement::flush_start(GstEvent* event) {
  flow_ = GST_FLOW_FLUSHING;
  const gboolean pushed = gst_pad_push_event(src, event);
  if (const auto line = read_queue()) line->stop();
  gst_pad_pause_task(src);
  return pushed != FALSE;
}

bool EncoderElement::flush_stop(GstEvent* event) {
  const gboolean pushed = gst_pad_push_event(src, event);
  flow_ = GST_FLOW_OK;
  if (const auto line = read_queue()) {
    line->resume();
    start_task();
  }
  return pushed != FALSE;
}

bool EncoderElement::activate(bool active) {
  const std::shared_ptr<EncoderQueue> line = read_queue();
  if (active) {
    if (!line) return false;
    flow_ = GST_FLOW_OK;
    line->resume();
    return start_task();
  }
  flow_ = GST_FLOW_FLUSHING;
  if (line) line->stop();
  return gst_pad_stop_task(src) != FALSE;
}

}  // namespace vedette::gst
