// vedaudiowindow: 16 kHz mono sound in, overlapping windows for a speech model out.
//
//   gst-launch-1.0 -v audiotestsrc num-buffers=100 ! audioconvert ! audioresample ! vedaudiowindow ! fakesink
//   silent=false
//
// Every `hop` it pushes the window [start, now) of at most `longest` with its PTS and duration and a
// VedetteAudioWindowMeta. `start` moves when an upstream event `vedette-settled` says what is settled
// (audio_meta.h). Silence comes as a GAP buffer that needs no encoder. Time is counted in samples: timestamps
// that stray by more than 40 ms are followed by silence or by leaving samples out, a jump of more than 1 s, a
// flush or a segment that does not go on ends the epoch, whose last window is marked. With `whole` each
// stretch of sound comes in one window only, and the element waits for the event before it cuts the next. The
// windowing itself is models/preprocess/audio_window.h.
#include "gst-plugins/vedaudiowindow.h"

#include "gst-plugins/audio_meta.h"
#include "gst-plugins/audio_windower.h"
#include "gst-plugins/guarded.h"
#include "gst-plugins/latency.h"

namespace vedette::gst {

namespace {

using models::preprocess::AudioWindowOptions;

GST_DEBUG_CATEGORY_STATIC(debug_category);
#define GST_CAT_DEFAULT debug_category

#define VEDETTE_SOUND "format=(string)F32LE, rate=(int)16000, channels=(int)1, layout=(string)interleaved"
GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS("audio/x-raw, " VEDETTE_SOUND));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw(meta:VedetteAudioWindow), " VEDETTE_SOUND));

enum Property { kHop = 1, kLongest, kKeep, kLeadIn, kSilence, kShortestSound, kWhole, kStats };

}  // namespace

G_DEFINE_TYPE(VedAudioWindow, ved_audio_window, GST_TYPE_ELEMENT)

// The GObject's private part: the windower, the pads and the options that the properties set.
class AudioWindowElement {
 public:
  explicit AudioWindowElement(VedAudioWindow* object) : element(GST_ELEMENT(object)) {
    sink = gst_pad_new_from_static_template(&sink_template, "sink");
    src = gst_pad_new_from_static_template(&src_template, "src");
    windower.emplace(element, src);
  }
  GstElement* element;
  GstPad* sink;
  GstPad* src;
  std::optional<AudioWindower> windower;
  AudioWindowOptions options;  // guarded by the object lock
};

namespace {

AudioWindowElement& self_of(gpointer object) {
  return *static_cast<VedAudioWindow*>(object)->self;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  return guarded(parent, GST_FLOW_ERROR, [&] { return self_of(parent).windower->take(buffer); });
}

// Takes the event.
gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  AudioWindowElement& self = self_of(parent);
  const auto handle = [&]() -> bool {
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_CAPS: {
        GstCaps* caps = gst_static_pad_template_get_caps(&src_template);
        gst_event_unref(event);
        event = gst_event_new_caps(caps);
        gst_caps_unref(caps);
        return true;
      }
      case GST_EVENT_SEGMENT: {
        const GstSegment* segment = nullptr;
        gst_event_parse_segment(event, &segment);
        if (segment->format != GST_FORMAT_TIME || segment->rate <= 0.0) {
          GST_ELEMENT_ERROR(
              parent, STREAM, FORMAT,
              ("expected a forward segment in time format, received one in %s format at rate %g",
               gst_format_get_name(segment->format), segment->rate),
              (nullptr));
          return false;
        }
        self.windower->set_segment(*segment);
        return true;
      }
      case GST_EVENT_GAP: {
        GstClockTime pts = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
        gst_event_parse_gap(event, &pts, &duration);
        self.windower->gap(pts, duration);
        return true;
      }
      case GST_EVENT_EOS: self.windower->finish(); return true;
      case GST_EVENT_FLUSH_START: self.windower->interrupt(); return true;
      case GST_EVENT_FLUSH_STOP: self.windower->flush(); return true;
      default: return true;
    }
  };
  if (!guarded(parent, false, handle)) {
    gst_event_unref(event);
    return FALSE;
  }
  // The default would keep caps to itself.
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) return gst_pad_push_event(self.src, event);
  return gst_pad_event_default(pad, parent, event);
}

gboolean src_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM &&
      gst_event_has_name(event, kSettledEvent) != FALSE) {
    guint epoch = 0;
    guint64 running_time = 0;
    const bool whole = gst_structure_get(gst_event_get_structure(event), "epoch", G_TYPE_UINT, &epoch,
                                         "running-time", G_TYPE_UINT64, &running_time, nullptr) != FALSE;
    if (whole) self_of(parent).windower->settle(epoch, running_time);
    gst_event_unref(event);
    return whole ? TRUE : FALSE;
  }
  return gst_pad_event_default(pad, parent, event);
}

// The newest sound of a window waited for at most one hop.
gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  AudioWindowElement& self = self_of(parent);
  GST_OBJECT_LOCK(parent);
  const auto hop = static_cast<GstClockTime>(std::chrono::nanoseconds(self.options.hop).count());
  GST_OBJECT_UNLOCK(parent);
  return answer_latency(self.sink, query, hop);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  AudioWindowElement& self = self_of(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    GST_OBJECT_LOCK(element);
    const AudioWindowOptions options = self.options;
    GST_OBJECT_UNLOCK(element);
    if (!guarded(element, false, [&] { return self.windower->start(options), true; }))
      return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) self.windower->interrupt();
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(ved_audio_window_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) self.windower->stop();
  return result;
}

std::chrono::milliseconds* duration_of(AudioWindowOptions* options, guint property) {
  switch (property) {
    case kHop: return &options->hop;
    case kLongest: return &options->longest;
    case kKeep: return &options->keep;
    case kLeadIn: return &options->lead_in;
    case kShortestSound: return &options->shortest_sound;
    default: return nullptr;
  }
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  AudioWindowElement& self = self_of(object);
  GST_OBJECT_LOCK(object);
  if (std::chrono::milliseconds* duration = duration_of(&self.options, id)) {
    *duration = std::chrono::milliseconds(g_value_get_uint(value));
  } else if (id == kSilence) {
    self.options.silence_dbfs = g_value_get_double(value);
  } else if (id == kWhole) {
    self.options.whole = g_value_get_boolean(value) != FALSE;
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

GstStructure* stats_of(const AudioWindower::Counters& counters) {
  return gst_structure_new("vedette-audio-window-stats", "windows", G_TYPE_UINT64, guint64{counters.windows},
                           "silent", G_TYPE_UINT64, guint64{counters.silent}, "moved-on", G_TYPE_UINT64,
                           guint64{counters.moved_on}, "epochs", G_TYPE_UINT64, guint64{counters.epochs},
                           "gap-samples", G_TYPE_INT64, gint64{counters.gap_samples}, "overlap-samples",
                           G_TYPE_INT64, gint64{counters.overlap_samples}, nullptr);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  AudioWindowElement& self = self_of(object);
  if (id == kStats) {
    g_value_take_boxed(value, stats_of(self.windower->counters()));
    return;
  }
  GST_OBJECT_LOCK(object);
  if (const std::chrono::milliseconds* duration = duration_of(&self.options, id)) {
    g_value_set_uint(value, static_cast<guint>(duration->count()));
  } else if (id == kSilence) {
    g_value_set_double(value, self.options.silence_dbfs);
  } else if (id == kWhole) {
    g_value_set_boolean(value, self.options.whole ? TRUE : FALSE);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
  delete &self_of(object);
  G_OBJECT_CLASS(ved_audio_window_parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  const AudioWindowOptions defaults;
  const auto flags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const auto milliseconds = [&](guint id, const char* name, const char* nick, const char* blurb, guint least,
                                guint most, std::chrono::milliseconds standard) {
    g_object_class_install_property(
        klass, id,
        g_param_spec_uint(name, nick, blurb, least, most, static_cast<guint>(standard.count()), flags));
  };
  milliseconds(kHop, "hop", "Hop", "New sound per window, in milliseconds; not longer than `longest`", 100,
               30000, defaults.hop);
  milliseconds(kLongest, "longest", "Longest window", "Length that a window never exceeds, in milliseconds",
               1000, 30000, defaults.longest);
  milliseconds(kKeep, "keep", "Keep",
               "Of a full window in which nothing was settled, the newest part that stays, in milliseconds; "
               "shorter than "
               "`longest`",
               0, 29999, defaults.keep);
  milliseconds(kLeadIn, "lead-in", "Lead-in",
               "Silence kept before sound begins, in milliseconds; shorter than `longest`; 0: none", 0, 29999,
               defaults.lead_in);
  milliseconds(kShortestSound, "shortest-sound", "Shortest sound",
               "Less sound than this in a hop counts as silence, in milliseconds; 0: any 20 ms frame counts",
               0, 30000, defaults.shortest_sound);
  g_object_class_install_property(
      klass, kSilence,
      g_param_spec_double(
          "silence-threshold", "Silence threshold",
          "RMS level of a 20 ms frame below which it is silent, in dBFS; -120: nothing is silent", -120.0,
          0.0, defaults.silence_dbfs, flags));
  g_object_class_install_property(
      klass, kWhole,
      g_param_spec_boolean(
          "whole", "Whole windows",
          "Push only full windows, and what is left at the end, instead of one per hop; after "
          "each that is not silent, wait for an event vedette-settled, which says where the next "
          "begins (files that are read as fast as they can be)",
          defaults.whole ? TRUE : FALSE, flags));
  g_object_class_install_property(
      klass, kStats,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Counts since the element started: windows, silent, moved-on (a full window let go of sound that "
          "nobody had settled), epochs, gap-samples (silence put in for lost sound), overlap-samples",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

}  // namespace

static void ved_audio_window_class_init(VedAudioWindowClass* klass) {
  GST_DEBUG_CATEGORY_INIT(debug_category, "vedaudiowindow", 0, "Vedette: sound to windows");
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  install_properties(object);
  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = change_state;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(
      element, "Vedette audio window", "Filter/Audio",
      "Cuts 16 kHz mono sound into overlapping windows for a speech model, and gates silence",
      "The Vedette authors");
}

static void ved_audio_window_init(VedAudioWindow* object) {
  object->self = new AudioWindowElement(object);
  AudioWindowElement& self = *object->self;
  gst_pad_set_chain_function(self.sink, chain);
  gst_pad_set_event_function(self.sink, sink_event);
  gst_pad_set_event_function(self.src, src_event);
  gst_pad_set_query_function(self.src, src_query);
  gst_element_add_pad(self.element, self.sink);
  gst_element_add_pad(self.element, self.src);
}

}  // namespace vedette::gst
