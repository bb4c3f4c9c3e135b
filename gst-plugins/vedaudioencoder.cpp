// vedaudioencoder: windows of sound in, the same windows with a speech model's features on them out.
//
//   gst-launch-1.0 -m filesrc location=speech.flac ! decodebin ! audioconvert ! audioresample !
//   vedaudiowindow
//     ! vedaudioencoder model=models/whisper-tiny.en ! fakesink
//
// The sink pad enqueues and returns; a task on the source pad pushes finished buffers in order, each with a
// VedetteAudioFeaturesMeta (audio_meta.h). FLUSH drops what is in flight, EOS and caps changes follow what
// came before them. Windows that vedaudiowindow marked as silent pass without features. The models come by
// the context `vedette.runtime` (runtime_context.h); where nobody answers, the element loads the folder
// `model` itself and says so with HAVE_CONTEXT. With `post-messages` each window is also told by an element
// message `vedette-audio-features`.
#include "gst-plugins/vedaudioencoder.h"

#include <atomic>

#include "gst-plugins/audio_meta.h"
#include "gst-plugins/encoder_queue.h"
#include "gst-plugins/guarded.h"
#include "gst-plugins/runtime_context.h"
#include "models/runtime/runtime.h"

namespace vedette::gst {

namespace {

GST_DEBUG_CATEGORY_STATIC(debug_category);
#define GST_CAT_DEFAULT debug_category

#define VEDETTE_SOUND "format=(string)F32LE, rate=(int)16000, channels=(int)1, layout=(string)interleaved"
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw(meta:VedetteAudioWindow), " VEDETTE_SOUND));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw(meta:VedetteAudioFeatures), " VEDETTE_SOUND));

enum Property { kModel = 1, kMaxWindows, kSupersede, kLatency, kPostMessages, kStats };

}  // namespace

G_DEFINE_TYPE(VedAudioEncoder, ved_audio_encoder, GST_TYPE_ELEMENT)

// The GObject's private part. `options` and `runtime` are guarded by the object lock.
class AudioEncoderElement {
 public:
  struct Options {
    std::string model;
    guint max_windows = 8;
    bool supersede = true;
    guint latency_ms = 500;
    bool post_messages = true;
  };

  explicit AudioEncoderElement(VedAudioEncoder* object) : element(GST_ELEMENT(object)) {
    sink = gst_pad_new_from_static_template(&sink_template, "sink");
    src = gst_pad_new_from_static_template(&src_template, "src");
  }

  Options read_options() const {
    GST_OBJECT_LOCK(element);
    Options copy = options;
    GST_OBJECT_UNLOCK(element);
    return copy;
  }
  RuntimeHandle read_runtime() const {
    GST_OBJECT_LOCK(element);
    RuntimeHandle copy = runtime;
    GST_OBJECT_UNLOCK(element);
    return copy;
  }
  std::shared_ptr<EncoderQueue> read_queue() const {
    GST_OBJECT_LOCK(element);
    std::shared_ptr<EncoderQueue> copy = queue;
    GST_OBJECT_UNLOCK(element);
    return copy;
  }

  bool find_runtime();
  bool ask_neighbours(GstPad* pad);
  void open_queue();
  void close_queue();
  void push_next();
  void push_window(EncoderQueue::Item item);
  void fail(GstFlowReturn result);
  void tell(GstBuffer* buffer, const models::tensor::Tensor& features) const;

  GstElement* element;
  GstPad* sink;
  GstPad* src;
  Options options;
  RuntimeHandle runtime;
  std::shared_ptr<EncoderQueue> queue;           // READY to PAUSED and back
  std::atomic<GstFlowReturn> flow{GST_FLOW_OK};  // what the sink pad answers once the queue is stopped
};

namespace {
AudioEncoderElement& self_of(gpointer object) {
  return *static_cast<VedAudioEncoder*>(object)->self;
}
}  // namespace

bool AudioEncoderElement::ask_neighbours(GstPad* pad) {
  GstQuery* query = gst_query_new_context(kRuntimeContext);
  GstContext* context = nullptr;
  if (gst_pad_peer_query(pad, query) != FALSE) gst_query_parse_context(query, &context);
  if (context != nullptr) gst_element_set_context(element, context);
  gst_query_unref(query);
  return read_runtime().hearing != nullptr;
}

// True when there are models: given before, by a neighbour, by the application, or loaded here.
// Throws: std::runtime_error when `model` cannot be loaded.
bool AudioEncoderElement::find_runtime() {
  if (read_runtime().hearing || ask_neighbours(src) || ask_neighbours(sink)) return true;
  gst_element_post_message(element, gst_message_new_need_context(GST_OBJECT(element), kRuntimeContext));
  if (read_runtime().hearing) return true;
  const std::string model = read_options().model;
  if (model.empty()) {
    GST_ELEMENT_ERROR(
        element, RESOURCE, SETTINGS,
        ("no speech model: set `model` to a model folder, or answer the context %s", kRuntimeContext),
        (nullptr));
    return false;
  }
  models::runtime::RuntimeOptions wanted;
  wanted.hear = model;
  const std::shared_ptr<models::runtime::Runtime> loaded = models::runtime::Runtime::load(wanted);
  GstContext* context = new_runtime_context({{loaded, &loaded->hearing()}});
  gst_element_set_context(element, context);
  gst_element_post_message(element, gst_message_new_have_context(GST_OBJECT(element), context));
  return true;
}

void AudioEncoderElement::open_queue() {
  const Options now = read_options();
  auto fresh = std::make_shared<EncoderQueue>(read_runtime().hearing, now.max_windows, now.supersede);
  fresh->stop();  // until the source pad's task runs
  GST_OBJECT_LOCK(element);
  queue.swap(fresh);
  GST_OBJECT_UNLOCK(element);
}

void AudioEncoderElement::close_queue() {
  std::shared_ptr<EncoderQueue> old;
  GST_OBJECT_LOCK(element);
  old.swap(queue);
  GST_OBJECT_UNLOCK(element);
}

void AudioEncoderElement::fail(GstFlowReturn result) {
  flow = result;
  read_queue()->stop();
  gst_pad_pause_task(src);
  if (result == GST_FLOW_NOT_LINKED || result <= GST_FLOW_EOS) {
    if (result < GST_FLOW_EOS) gst_pad_push_event(src, gst_event_new_eos());
  }
}

// One turn of the source pad's task.
void AudioEncoderElement::push_next() {
  const std::shared_ptr<EncoderQueue> line = read_queue();
  std::optional<EncoderQueue::Item> item = line ? line->take() : std::nullopt;
  if (!item) {
    gst_pad_pause_task(src);
    return;
  }
  if (item->is_window) return push_window(std::move(*item));
  gst_pad_push_event(src, GST_EVENT_CAST(item->object.release()));
}

void AudioEncoderElement::push_window(EncoderQueue::Item item) {
  if (item.error) {
    guarded(element, false, [&]() -> bool { std::rethrow_exception(item.error); });
    return fail(GST_FLOW_ERROR);
  }
  GstBuffer* buffer = gst_buffer_make_writable(GST_BUFFER_CAST(item.object.release()));
  if (read_options().post_messages) tell(buffer, item.features);
  add_audio_features_meta(buffer, std::move(item.features));
  const GstFlowReturn result = gst_pad_push(src, buffer);
  if (result == GST_FLOW_OK) return;
  if (result == GST_FLOW_NOT_LINKED || result < GST_FLOW_EOS) GST_ELEMENT_FLOW_ERROR(element, result);
  fail(result);
}

void AudioEncoderElement::tell(GstBuffer* buffer, const models::tensor::Tensor& features) const {
  const VedetteAudioWindowMeta* window = audio_window_meta(buffer);
  const auto extent = [&](int axis) { return features.empty() ? gint64{0} : gint64{features.shape()[axis]}; };
  GstStructure* text =
      gst_structure_new("vedette-audio-features", "start", G_TYPE_UINT64, GST_BUFFER_PTS(buffer), "duration",
                        G_TYPE_UINT64, GST_BUFFER_DURATION(buffer), "frames", G_TYPE_INT64, extent(0),
                        "hidden", G_TYPE_INT64, extent(1), nullptr);
  if (window != nullptr) {
    gst_structure_set(text, "epoch", G_TYPE_UINT, window->epoch, "level-dbfs", G_TYPE_DOUBLE,
                      static_cast<double>(window->level_dbfs), "silent", G_TYPE_BOOLEAN, window->silent,
                      "last", G_TYPE_BOOLEAN, window->last, nullptr);
  }
  gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), text));
}

namespace {

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  AudioEncoderElement& self = self_of(parent);
  MiniObjectPtr owned(GST_MINI_OBJECT_CAST(gst_buffer_make_writable(buffer)));
  return guarded(parent, GST_FLOW_ERROR, [&] {
    const std::shared_ptr<EncoderQueue> queue = self.read_queue();
    return queue && queue->put_window(std::move(owned)) ? GST_FLOW_OK : self.flow.load();
  });
}

void run(gpointer object) {
  guarded(object, false, [&] { return self_of(object).push_next(), true; });
}

gboolean flush_start(AudioEncoderElement& self, GstEvent* event) {
  self.flow = GST_FLOW_FLUSHING;
  const gboolean pushed = gst_pad_push_event(self.src, event);
  if (const auto queue = self.read_queue()) queue->stop();
  gst_pad_pause_task(self.src);
  return pushed;
}

gboolean flush_stop(AudioEncoderElement& self, GstEvent* event) {
  const gboolean pushed = gst_pad_push_event(self.src, event);
  self.flow = GST_FLOW_OK;
  if (const auto queue = self.read_queue()) {
    queue->resume();
    gst_pad_start_task(self.src, run, self.element, nullptr);
  }
  return pushed;
}

// Takes the event.
gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  AudioEncoderElement& self = self_of(parent);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) return flush_start(self, event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) return flush_stop(self, event);
  if (!GST_EVENT_IS_SERIALIZED(event)) return gst_pad_event_default(pad, parent, event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    gst_event_unref(event);
    GstCaps* caps = gst_static_pad_template_get_caps(&src_template);
    event = gst_event_new_caps(caps);
    gst_caps_unref(caps);
  }
  MiniObjectPtr owned(GST_MINI_OBJECT_CAST(event));
  return guarded(parent, FALSE, [&] {
    const std::shared_ptr<EncoderQueue> queue = self.read_queue();
    return queue && queue->put_event(std::move(owned)) ? TRUE : FALSE;
  });
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  AudioEncoderElement& self = self_of(parent);
  if (gst_pad_peer_query(self.sink, query) == FALSE) return FALSE;
  gboolean live = FALSE;
  GstClockTime shortest = 0, longest = 0;
  gst_query_parse_latency(query, &live, &shortest, &longest);
  const GstClockTime own = self.read_options().latency_ms * GST_MSECOND;
  gst_query_set_latency(query, live, shortest + own,
                        GST_CLOCK_TIME_IS_VALID(longest) ? longest + own : longest);
  return TRUE;
}

gboolean activate_src(GstPad*, GstObject* parent, GstPadMode mode, gboolean active) {
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  AudioEncoderElement& self = self_of(parent);
  const std::shared_ptr<EncoderQueue> queue = self.read_queue();
  if (active != FALSE) {
    if (!queue) return FALSE;
    self.flow = GST_FLOW_OK;
    queue->resume();
    return gst_pad_start_task(self.src, run, self.element, nullptr);
  }
  self.flow = GST_FLOW_FLUSHING;
  if (queue) queue->stop();
  return gst_pad_stop_task(self.src);
}

void set_context(GstElement* element, GstContext* context) {
  const RuntimeHandle handle = runtime_of(context);
  if (handle.hearing) {
    GST_OBJECT_LOCK(element);
    self_of(element).runtime = handle;
    GST_OBJECT_UNLOCK(element);
  }
  GST_ELEMENT_CLASS(ved_audio_encoder_parent_class)->set_context(element, context);
}

// Answers a neighbour that asks for the models.
gboolean element_query(GstElement* element, GstQuery* query) {
  const gchar* type = nullptr;
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && gst_query_parse_context_type(query, &type) != FALSE &&
      g_str_equal(type, kRuntimeContext)) {
    const RuntimeHandle handle = self_of(element).read_runtime();
    if (!handle.hearing) return FALSE;
    GstContext* context = new_runtime_context(handle);
    gst_query_set_context(query, context);
    gst_context_unref(context);
    return TRUE;
  }
  return GST_ELEMENT_CLASS(ved_audio_encoder_parent_class)->query(element, query);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  AudioEncoderElement& self = self_of(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    if (!guarded(element, false, [&] { return self.find_runtime(); })) return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) self.open_queue();
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(ved_audio_encoder_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) self.close_queue();
  return result;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  AudioEncoderElement& self = self_of(object);
  GST_OBJECT_LOCK(object);
  AudioEncoderElement::Options& options = self.options;
  switch (id) {
    case kModel: options.model = g_value_get_string(value) == nullptr ? "" : g_value_get_string(value); break;
    case kMaxWindows: options.max_windows = g_value_get_uint(value); break;
    case kSupersede: options.supersede = g_value_get_boolean(value) != FALSE; break;
    case kLatency: options.latency_ms = g_value_get_uint(value); break;
    case kPostMessages: options.post_messages = g_value_get_boolean(value) != FALSE; break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
  }
  GST_OBJECT_UNLOCK(object);
}

GstStructure* stats_of(const EncoderQueue::Counters& counters) {
  return gst_structure_new("vedette-audio-encoder-stats", "windows", G_TYPE_UINT64, guint64{counters.windows},
                           "encoded", G_TYPE_UINT64, guint64{counters.encoded}, "silent", G_TYPE_UINT64,
                           guint64{counters.silent}, "superseded", G_TYPE_UINT64,
                           guint64{counters.superseded}, "flushed", G_TYPE_UINT64, guint64{counters.flushed},
                           "failed", G_TYPE_UINT64, guint64{counters.failed}, "held", G_TYPE_UINT,
                           static_cast<guint>(counters.held), nullptr);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  AudioEncoderElement& self = self_of(object);
  const AudioEncoderElement::Options options = self.read_options();
  switch (id) {
    case kModel: g_value_set_string(value, options.model.c_str()); break;
    case kMaxWindows: g_value_set_uint(value, options.max_windows); break;
    case kSupersede: g_value_set_boolean(value, options.supersede ? TRUE : FALSE); break;
    case kLatency: g_value_set_uint(value, options.latency_ms); break;
    case kPostMessages: g_value_set_boolean(value, options.post_messages ? TRUE : FALSE); break;
    case kStats: {
      const std::shared_ptr<EncoderQueue> queue = self.read_queue();
      g_value_take_boxed(value, stats_of(queue ? queue->counters() : EncoderQueue::Counters{}));
      break;
    }
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
  }
}

void finalize(GObject* object) {
  delete &self_of(object);
  G_OBJECT_CLASS(ved_audio_encoder_parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  const AudioEncoderElement::Options defaults;
  const auto flags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const auto install = [klass](guint id, GParamSpec* spec) {
    g_object_class_install_property(klass, id, spec);
  };
  install(kModel, g_param_spec_string(
                      "model", "Model",
                      "Folder of a speech model, loaded when no context vedette.runtime is given; empty: "
                      "the context must be given",
                      "", flags));
  install(kMaxWindows, g_param_spec_uint(
                           "max-windows", "Most windows",
                           "Windows that the element holds, 1 to 64; the sink pad blocks when there are more",
                           1, 64, defaults.max_windows, flags));
  install(kSupersede,
          g_param_spec_boolean(
              "supersede", "Supersede",
              "Leave out a waiting window that a newer one covers, while the encoder is behind (live "
              "sound); false: encode every window",
              defaults.supersede ? TRUE : FALSE, flags));
  install(kLatency,
          g_param_spec_uint("latency", "Latency",
                            "Time that encoding may take, in milliseconds, as told to the LATENCY query", 0,
                            30000, defaults.latency_ms, flags));
  install(kPostMessages,
          g_param_spec_boolean("post-messages", "Post messages",
                               "Post an element message vedette-audio-features for each window",
                               defaults.post_messages ? TRUE : FALSE, flags));
  install(kStats,
          g_param_spec_boxed(
              "stats", "Statistics",
              "Counts since the element started: windows, encoded, silent, superseded (a newer "
              "window was encoded in their place), flushed, failed, and held (now)",
              GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

}  // namespace

static void ved_audio_encoder_class_init(VedAudioEncoderClass* klass) {
  GST_DEBUG_CATEGORY_INIT(debug_category, "vedaudioencoder", 0, "Vedette: windows of sound to features");
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  install_properties(object);
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  element->set_context = set_context;
  element->query = element_query;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "Vedette audio encoder", "Filter/Analyzer/Audio",
                                        "Runs a speech model's encoder over windows of sound, asynchronously",
                                        "The Vedette authors");
}

static void ved_audio_encoder_init(VedAudioEncoder* object) {
  object->self = new AudioEncoderElement(object);
  AudioEncoderElement& self = *object->self;
  gst_pad_set_chain_function(self.sink, chain);
  gst_pad_set_event_function(self.sink, sink_event);
  gst_pad_set_query_function(self.src, src_query);
  gst_pad_set_activatemode_function(self.src, activate_src);
  gst_element_add_pad(self.element, self.sink);
  gst_element_add_pad(self.element, self.src);
}

}  // namespace vedette::gst
