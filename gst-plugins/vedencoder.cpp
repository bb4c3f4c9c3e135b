#include "gst-plugins/vedencoder.h"

#include "gst-plugins/encoder_element.h"
#include "gst-plugins/guarded.h"
#include "gst-plugins/latency.h"

namespace vedette::gst {

namespace {

GST_DEBUG_CATEGORY_STATIC(debug_category);
#define GST_CAT_DEFAULT debug_category

enum Property { kModel = 1, kMost, kSupersede, kLatency, kPostMessages, kSkipErrors, kStats };

}  // namespace

G_DEFINE_ABSTRACT_TYPE(VedEncoder, ved_encoder, GST_TYPE_ELEMENT)

namespace {
EncoderElement& self_of(gpointer object) {
  return *static_cast<VedEncoder*>(object)->self;
}
}  // namespace

namespace {

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  return guarded(parent, GST_FLOW_ERROR, [&] { return self_of(parent).take_buffer(buffer); });
}

// Takes the event.
gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  EncoderElement& self = self_of(parent);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) return self.flush_start(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) return self.flush_stop(event);
  if (!GST_EVENT_IS_SERIALIZED(event)) return gst_pad_event_default(pad, parent, event);
  return guarded(parent, FALSE, [&] { return self.take_event(event) ? TRUE : FALSE; });
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  const EncoderElement& self = self_of(parent);
  return answer_latency(self.sink, query, self.read_options().latency_ms * GST_MSECOND);
}

gboolean activate_src(GstPad*, GstObject* parent, GstPadMode mode, gboolean active) {
  return mode == GST_PAD_MODE_PUSH && self_of(parent).activate(active != FALSE);
}

void set_context(GstElement* element, GstContext* context) {
  EncoderElement& self = self_of(element);
  const RuntimeHandle handle = runtime_of(context);
  if (self.kind.has_model(handle)) {
    GST_OBJECT_LOCK(element);
    self.runtime = handle;
    GST_OBJECT_UNLOCK(element);
  }
  GST_ELEMENT_CLASS(ved_encoder_parent_class)->set_context(element, context);
}

// Answers a neighbour that asks for the models.
gboolean element_query(GstElement* element, GstQuery* query) {
  const gchar* type = nullptr;
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && gst_query_parse_context_type(query, &type) != FALSE &&
      g_str_equal(type, kRuntimeContext)) {
    const EncoderElement& self = self_of(element);
    if (!self.has_model()) return FALSE;
    GstContext* context = new_runtime_context(self.read_runtime());
    gst_query_set_context(query, context);
    gst_context_unref(context);
    return TRUE;
  }
  return GST_ELEMENT_CLASS(ved_encoder_parent_class)->query(element, query);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  EncoderElement& self = self_of(element);
  const auto prepared = [&] {
    if (transition == GST_STATE_CHANGE_NULL_TO_READY) return self.find_runtime();
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) self.open_queue();
    return true;
  };
  if (!guarded(element, false, prepared)) return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(ved_encoder_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) self.close_queue();
  return result;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  EncoderElement::Options& options = self_of(object).options;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case kModel: options.model = g_value_get_string(value) == nullptr ? "" : g_value_get_string(value); break;
    case kMost: options.most_held = g_value_get_uint(value); break;
    case kSupersede: options.supersede = g_value_get_boolean(value) != FALSE; break;
    case kLatency: options.latency_ms = g_value_get_uint(value); break;
    case kPostMessages: options.post_messages = g_value_get_boolean(value) != FALSE; break;
    case kSkipErrors: options.skip_errors = g_value_get_boolean(value) != FALSE; break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
  }
  GST_OBJECT_UNLOCK(object);
}

GstStructure* stats_of(const EncoderTexts& texts, const EncoderQueue::Counters& counters) {
  return gst_structure_new(texts.stats, texts.units, G_TYPE_UINT64, guint64{counters.buffers}, "encoded",
                           G_TYPE_UINT64, guint64{counters.encoded}, texts.passed, G_TYPE_UINT64,
                           guint64{counters.passed}, "superseded", G_TYPE_UINT64,
                           guint64{counters.superseded}, "flushed", G_TYPE_UINT64, guint64{counters.flushed},
                           "failed", G_TYPE_UINT64, guint64{counters.failed}, "held", G_TYPE_UINT,
                           static_cast<guint>(counters.held), nullptr);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  const EncoderElement& self = self_of(object);
  const EncoderElement::Options options = self.read_options();
  switch (id) {
    case kModel: g_value_set_string(value, options.model.c_str()); break;
    case kMost: g_value_set_uint(value, options.most_held); break;
    case kSupersede: g_value_set_boolean(value, options.supersede ? TRUE : FALSE); break;
    case kLatency: g_value_set_uint(value, options.latency_ms); break;
    case kPostMessages: g_value_set_boolean(value, options.post_messages ? TRUE : FALSE); break;
    case kSkipErrors: g_value_set_boolean(value, options.skip_errors ? TRUE : FALSE); break;
    case kStats: {
      const std::shared_ptr<EncoderQueue> queue = self.read_queue();
      g_value_take_boxed(value,
                         stats_of(self.kind.texts(), queue ? queue->counters() : EncoderQueue::Counters{}));
      break;
    }
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
  }
}

void install_properties(GObjectClass* klass, const EncoderTexts& texts) {
  const auto flags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const auto install = [klass](guint id, GParamSpec* spec) {
    g_object_class_install_property(klass, id, spec);
  };
  install(kModel, g_param_spec_string("model", "Model", texts.model_blurb, "", flags));
  install(kMost, g_param_spec_uint(texts.most, "Most held", texts.most_blurb, 1, 64, texts.most_held, flags));
  install(kSupersede, g_param_spec_boolean("supersede", "Supersede", texts.supersede_blurb, TRUE, flags));
  install(kLatency,
          g_param_spec_uint("latency", "Latency",
                            "Time that encoding may take, in milliseconds, as told to the LATENCY query", 0,
                            30000, texts.latency_ms, flags));
  install(kPostMessages,
          g_param_spec_boolean("post-messages", "Post messages", texts.message_blurb, TRUE, flags));
  install(kSkipErrors,
          g_param_spec_boolean("skip-errors", "Skip errors",
                               "Pass what the encoder failed at without a result, with a warning message; "
                               "false: it is an error, and the stream ends",
                               FALSE, flags));
  install(kStats, g_param_spec_boxed("stats", "Statistics", texts.stats_blurb, GST_TYPE_STRUCTURE,
                                     static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

void finalize(GObject* object) {
  delete &self_of(object);
  G_OBJECT_CLASS(ved_encoder_parent_class)->finalize(object);
}

// Only here is the subclass known, and with it the pads.
void constructed(GObject* object) {
  G_OBJECT_CLASS(ved_encoder_parent_class)->constructed(object);
  auto* element = GST_ELEMENT(object);
  GstElementClass* klass = GST_ELEMENT_GET_CLASS(element);
  GstPad* sink = gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "sink"), "sink");
  GstPad* src = gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "src"), "src");
  gst_pad_set_chain_function(sink, chain);
  gst_pad_set_event_function(sink, sink_event);
  gst_pad_set_query_function(src, src_query);
  gst_pad_set_activatemode_function(src, activate_src);
  const EncoderKind& kind = *reinterpret_cast<VedEncoderClass*>(klass)->kind;
  reinterpret_cast<VedEncoder*>(object)->self = new EncoderElement(element, kind, sink, src);
  gst_element_add_pad(element, sink);
  gst_element_add_pad(element, src);
}

}  // namespace

void ved_encoder_class_use(VedEncoderClass* klass, const EncoderKind& kind, GstStaticPadTemplate* sink,
                           GstStaticPadTemplate* src) {
  klass->kind = &kind;
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), sink);
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), src);
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;  // GObject inherits neither
  object->get_property = get_property;
  install_properties(object, kind.texts());
}

static void ved_encoder_class_init(VedEncoderClass* klass) {
  GST_DEBUG_CATEGORY_INIT(debug_category, "vedencoder", 0, "Vedette: asynchronous encoders");
  auto* object = G_OBJECT_CLASS(klass);
  object->constructed = constructed;
  object->finalize = finalize;
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  element->set_context = set_context;
  element->query = element_query;
}

static void ved_encoder_init(VedEncoder*) {}

}  // namespace vedette::gst
