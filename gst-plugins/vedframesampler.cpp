// vedframesampler: video in, the frames that are to be analysed out, unchanged.
//
//   gst-launch-1.0 -v videotestsrc num-buffers=100 ! vedframesampler rate=1 ! videoscale
//     ! video/x-raw,width=160,height=90 ! fakesink silent=false
//   gst-launch-1.0 -v filesrc location=film.mp4 ! qtdemux ! h264parse ! vedframesampler rate=0.5 ! avdec_h264
//     ! vedframesampler rate=0.5 least-change=0.01 ! fakesink silent=false
//
// Stands before whatever scales or converts, so that what is left out costs nothing. Of raw video the first
// frame at or after each point of a grid of `rate` passes; with `least-change`, only when so much of the
// picture changed since the last one that passed: the share of 8x8-pixel blocks of the picture, made 160
// pixels wide, whose mean luma moved by more than 5 of 255. Before a decoder it passes key frames, and the
// units between them only while key frames come too seldom. Buffers pass as they are, with their times;
// after one that was left out the next is marked DISCONT. Raw video without a time in the segment is left
// out. The sampling itself is models/preprocess/frame_sampling.h.
//
// With `pass-unchanged` what the change gate holds back passes too, and each frame carries a VedetteFrameMeta
// (vision_meta.h) that says so: vedvisionencoder lets such frames by without encoding them. An event
// `vedette-epoch` begins another epoch: the next frame is due and kept, and the meta names the epoch.
#include "gst-plugins/vedframesampler.h"

#include "gst-plugins/frame_sampler.h"
#include "gst-plugins/guarded.h"
#include "gst-plugins/vision_meta.h"

namespace vedette::gst {

namespace {

using models::preprocess::FrameSamplingOptions;

GST_DEBUG_CATEGORY_STATIC(debug_category);
#define GST_CAT_DEFAULT debug_category

// Raw video in any memory, and whatever a decoder takes.
#define VEDETTE_FRAMES "ANY"
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(VEDETTE_FRAMES));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(VEDETTE_FRAMES));

enum Property {
  kRate = 1,
  kMinInterval,
  kLeastChange,
  kLongestUnchanged,
  kKeyFramesWithin,
  kPassUnchanged,
  kStats
};

}  // namespace

G_DEFINE_TYPE(VedFrameSampler, ved_frame_sampler, GST_TYPE_BASE_TRANSFORM)

// The GObject's private part: the sampler, and the options that the properties set.
class FrameSamplerElement {
 public:
  FrameSampler sampler;
  FrameSamplingOptions options;  // guarded by the object lock, as the next
  bool pass_unchanged = false;
  bool marks = false;       // what `pass_unchanged` was at the start; of the streaming thread, as the next
  std::uint32_t epoch = 0;  // of what comes
};

namespace {

FrameSamplerElement& self_of(gpointer object) {
  return *static_cast<VedFrameSampler*>(object)->self;
}

gboolean start(GstBaseTransform* base) {
  FrameSamplerElement& self = self_of(base);
  GST_OBJECT_LOCK(base);
  const FrameSamplingOptions options = self.options;
  self.marks = self.pass_unchanged;
  GST_OBJECT_UNLOCK(base);
  self.epoch = 0;
  gst_base_transform_set_passthrough(base, self.marks ? FALSE : TRUE);  // a meta needs a writable buffer
  return guarded(base, FALSE, [&] { return self.sampler.start(options), TRUE; });
}

gboolean stop(GstBaseTransform* base) {
  self_of(base).sampler.stop();
  return TRUE;
}

gboolean set_caps(GstBaseTransform* base, GstCaps* caps, GstCaps*) {
  return guarded(base, FALSE, [&] { return self_of(base).sampler.set_caps(caps), TRUE; });
}

gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) self_of(base).sampler.flush();
  if (const auto epoch = epoch_of(event)) {
    self_of(base).epoch = *epoch;
    self_of(base).sampler.flush();
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
    const GstSegment* segment = nullptr;
    gst_event_parse_segment(event, &segment);
    if (segment->format != GST_FORMAT_TIME) {
      GST_ELEMENT_ERROR(base, STREAM, FORMAT,
                        ("expected a segment in time format, received one in %s format",
                         gst_format_get_name(segment->format)),
                        (nullptr));
      gst_event_unref(event);
      return FALSE;
    }
  }
  return GST_BASE_TRANSFORM_CLASS(ved_frame_sampler_parent_class)->sink_event(base, event);
}

GstFlowReturn transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  // Encoded units have PTS in another order than they come in; a key frame's time is that of its pictures.
  const GstClockTime stamp =
      GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : GST_BUFFER_DTS(buffer);
  const GstClockTime time = gst_segment_to_running_time(&base->segment, GST_FORMAT_TIME, stamp);
  FrameSamplerElement& self = self_of(base);
  return guarded(base, GST_FLOW_ERROR, [&] {
    const FrameSampler::Verdict verdict = self.sampler.look(buffer, time);
    if (!verdict.kept && !(self.marks && verdict.due)) return GST_BASE_TRANSFORM_FLOW_DROPPED;
    if (!self.marks || !verdict.due) return GST_FLOW_OK;
    VedetteFrameMeta* meta = add_frame_meta(buffer);
    meta->epoch = self.epoch;
    meta->running_time = time;
    meta->change = static_cast<float>(verdict.change);
    meta->unchanged = verdict.kept ? FALSE : TRUE;
    return GST_FLOW_OK;
  });
}

std::chrono::nanoseconds* duration_of(FrameSamplingOptions* options, guint property) {
  switch (property) {
    case kMinInterval: return &options->min_interval;
    case kLongestUnchanged: return &options->longest_unchanged;
    case kKeyFramesWithin: return &options->key_frames_within;
    default: return nullptr;
  }
}

double* number_of(FrameSamplingOptions* options, guint property) {
  switch (property) {
    case kRate: return &options->rate_hz;
    case kLeastChange: return &options->least_change;
    default: return nullptr;
  }
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  FrameSamplerElement& self = self_of(object);
  GST_OBJECT_LOCK(object);
  if (std::chrono::nanoseconds* duration = duration_of(&self.options, id)) {
    *duration = std::chrono::milliseconds(g_value_get_uint(value));
  } else if (double* number = number_of(&self.options, id)) {
    *number = g_value_get_double(value);
  } else if (id == kPassUnchanged) {
    self.pass_unchanged = g_value_get_boolean(value) != FALSE;
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

GstStructure* stats_of(const FrameSampler::Counters& counters) {
  return gst_structure_new("vedette-frame-sampler-stats", "frames", G_TYPE_UINT64, guint64{counters.frames},
                           "kept", G_TYPE_UINT64, guint64{counters.kept}, "unchanged", G_TYPE_UINT64,
                           guint64{counters.unchanged}, "units-dropped", G_TYPE_UINT64,
                           guint64{counters.units_dropped}, "untimed", G_TYPE_UINT64,
                           guint64{counters.untimed}, nullptr);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  FrameSamplerElement& self = self_of(object);
  if (id == kStats) {
    g_value_take_boxed(value, stats_of(self.sampler.counters()));
    return;
  }
  GST_OBJECT_LOCK(object);
  if (const std::chrono::nanoseconds* duration = duration_of(&self.options, id)) {
    g_value_set_uint(value, static_cast<guint>(duration->count() / 1'000'000));
  } else if (const double* number = number_of(&self.options, id)) {
    g_value_set_double(value, *number);
  } else if (id == kPassUnchanged) {
    g_value_set_boolean(value, self.pass_unchanged ? TRUE : FALSE);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

void finalize(GObject* object) {
  delete static_cast<VedFrameSampler*>(static_cast<gpointer>(object))->self;
  G_OBJECT_CLASS(ved_frame_sampler_parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  const FrameSamplingOptions defaults;
  const auto flags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const auto number = [&](guint id, const char* name, const char* nick, const char* blurb, double most,
                          double standard) {
    g_object_class_install_property(klass, id,
                                    g_param_spec_double(name, nick, blurb, 0.0, most, standard, flags));
  };
  const auto milliseconds = [&](guint id, const char* name, const char* nick, const char* blurb,
                                std::chrono::nanoseconds standard) {
    g_object_class_install_property(
        klass, id,
        g_param_spec_uint(name, nick, blurb, 0, 3'600'000, static_cast<guint>(standard.count() / 1'000'000),
                          flags));
  };
  number(kRate, "rate", "Rate", "Frames per second that are looked at, at most; 0: every one", 1000.0,
         defaults.rate_hz);
  milliseconds(kMinInterval, "min-interval", "Minimum interval",
               "Shortest time between two frames that pass, in milliseconds; 0: as `rate` says",
               defaults.min_interval);
  number(kLeastChange, "least-change", "Least change",
         "Share of the picture that must have changed since the last frame that passed, for the next to "
         "pass: of "
         "the 8x8-pixel blocks of the picture made 160 pixels wide, those whose mean luma moved by more than "
         "5 of "
         "255; 0: every frame that is looked at passes",
         1.0, defaults.least_change);
  milliseconds(kLongestUnchanged, "longest-unchanged", "Longest unchanged",
               "After this time a frame passes though nothing changed, in milliseconds; 0: never",
               defaults.longest_unchanged);
  milliseconds(
      kKeyFramesWithin, "key-frames-within", "Key frames within",
      "Encoded video: while key frames are at most so far apart only they pass, in milliseconds; 0: as far "
      "as `rate` asks for frames",
      defaults.key_frames_within);
  g_object_class_install_property(
      klass, kPassUnchanged,
      g_param_spec_boolean(
          "pass-unchanged", "Pass unchanged",
          "Pass also what `least-change` holds back, marked in the VedetteFrameMeta that each "
          "frame then carries, so that vedvisionencoder does not encode it",
          FALSE, flags));
  g_object_class_install_property(
      klass, kStats,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Counts since the element started: frames (all that came), kept, unchanged (looked at and "
          "held back), units-dropped (encoded ones that need no decoding), untimed (without a time "
          "in the segment)",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

}  // namespace

static void ved_frame_sampler_class_init(VedFrameSamplerClass* klass) {
  GST_DEBUG_CATEGORY_INIT(debug_category, "vedframesampler", 0, "Vedette: which frames are analysed");
  auto* object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  install_properties(object);
  auto* base = GST_BASE_TRANSFORM_CLASS(klass);
  base->start = start;
  base->stop = stop;
  base->set_caps = set_caps;
  base->sink_event = sink_event;
  base->transform_ip = transform_ip;
  base->passthrough_on_same_caps = FALSE;
  base->transform_ip_on_passthrough = TRUE;
  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "Vedette frame sampler", "Filter/Video",
                                        "Passes on the video frames that are to be analysed: by rate and by "
                                        "change, before or after the decoder",
                                        "The Vedette authors");
}

static void ved_frame_sampler_init(VedFrameSampler* object) {
  object->self = new FrameSamplerElement();
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(object), TRUE);
}

}  // namespace vedette::gst
