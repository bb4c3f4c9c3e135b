#include "daemon/streams/pipeline.h"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>

#include "daemon/streams/tls_trust.h"
#include "gst-plugins/audio_meta.h"

namespace vedette::daemon::streams {

using std::chrono::nanoseconds;

namespace {

struct Stat {
  const char* name;
  std::uint64_t* value;
};

// Reads fields of an element's property `stats`; `element` may be null.
void read_stats(GstElement* element, std::initializer_list<Stat> wanted) {
  if (element == nullptr) return;
  GstStructure* stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  if (stats == nullptr) return;
  for (const Stat& stat : wanted) {
    const GValue* value = gst_structure_get_value(stats, stat.name);
    if (value == nullptr) continue;
    *stat.value = G_VALUE_HOLDS_INT64(value)  ? static_cast<std::uint64_t>(g_value_get_int64(value))
                  : G_VALUE_HOLDS_UINT(value) ? g_value_get_uint(value)
                                              : g_value_get_uint64(value);
  }
  gst_structure_free(stats);
}

}  // namespace

void start_gstreamer() {
  GError* raw = nullptr;
  if (gst_init_check(nullptr, nullptr, &raw) == FALSE) {
    const GlibError error(raw);
    throw std::runtime_error(std::string("GStreamer does not start: ") +
                             (error ? error->message : "unknown error"));
  }
  Dl_info here{};
  std::filesystem::path beside;
  if (dladdr(reinterpret_cast<void*>(&start_gstreamer), &here) != 0 && here.dli_fname != nullptr) {
    beside = std::filesystem::path(here.dli_fname).parent_path() / "gstreamer-1.0" / "libgstvedette.so";
  }
  std::string why = "it is neither " + beside.string() + " nor in GST_PLUGIN_PATH";
  std::error_code ignored;
  if (std::filesystem::exists(beside, ignored)) {
    GstPlugin* plugin = gst_plugin_load_file(beside.c_str(), &raw);
    const GlibError error(raw);
    if (plugin != nullptr) gst_object_unref(plugin);
    if (error) why = error->message;
  }
  TlsTrust::install();
  GstElementFactory* factory = gst_element_factory_find("vedaudioencoder");
  if (factory == nullptr)
    throw std::runtime_error("cannot use the GStreamer plugin libgstvedette.so: " + why);
  gst_object_unref(factory);
}

Pipeline::Pipeline(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime,
                   const Hooks& hooks)
    : stream_(stream), runtime_(runtime), hooks_(hooks), source_(make_source(stream)) {
  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(stream.id.c_str()))));
  bus_.reset(gst_element_get_bus(pipeline_.get()));
  const GstPtr<GstClock> clock(gst_system_clock_obtain());  // monotonic: UTC is mapped, not followed
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
  gst_bin_add(GST_BIN(pipeline_.get()), GST_ELEMENT(gst_object_ref(source_.element.get())));
  callbacks_.on_pad = [this](GstPad* pad) { add_branch(pad); };
  callbacks_.on_no_more_pads = [this] { knows_tracks_ = true; };
  callbacks_.on_rtp_manager = [this](GstElement* manager) {
    watch_sender_reports(manager, &hooks_.on_sender_report);
  };
  watch_source(source_, &callbacks_);
}

Pipeline::~Pipeline() {
  stop();
}

void Pipeline::stop() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

void Pipeline::play() {
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

GstPtr<GstMessage> Pipeline::wait(std::chrono::milliseconds longest) {
  return GstPtr<GstMessage>(
      gst_bus_timed_pop(bus_.get(), static_cast<GstClockTime>(nanoseconds(longest).count())));
}

nanoseconds Pipeline::running_time() const {
  const GstClockTime base = gst_element_get_base_time(pipeline_.get());
  const GstPtr<GstClock> clock(gst_pipeline_get_pipeline_clock(GST_PIPELINE(pipeline_.get())));
  const GstClockTime now = gst_clock_get_time(clock.get());
  return base == 0 || now < base ? nanoseconds{0} : nanoseconds(static_cast<std::int64_t>(now - base));
}

// An element of a branch; null while there is none.
GstPtr<GstElement> Pipeline::child_of(const GstPtr<GstElement>& branch, const char* name) const {
  const std::lock_guard lock(branches_mutex_);
  return GstPtr<GstElement>(branch ? gst_bin_get_by_name(GST_BIN(branch.get()), name) : nullptr);
}

ElementCounters Pipeline::counters() const {
  ElementCounters counters;
  read_stats(child_of(sound_, "encoder").get(), {{"encoded", &counters.encoded},
                                                 {"silent", &counters.silent},
                                                 {"superseded", &counters.superseded},
                                                 {"flushed", &counters.flushed},
                                                 {"failed", &counters.failed}});
  read_stats(child_of(sound_, "window").get(), {{"moved-on", &counters.moved_on},
                                                {"epochs", &counters.epochs},
                                                {"gap-samples", &counters.gap_samples},
                                                {"overlap-samples", &counters.overlap_samples}});
  return counters;
}

void Pipeline::settle(std::uint32_t epoch, nanoseconds until) {
  const GstPtr<GstElement> out = child_of(sound_, "out");
  if (!out || until.count() < 0) return;
  const GstPtr<GstPad> pad(gst_element_get_static_pad(out.get(), "sink"));
  gst_pad_push_event(pad.get(), gst::new_settled_event(epoch, static_cast<guint64>(until.count())));
}

// Waits until the encoder of pictures has none.
void Pipeline::drain_pictures(std::chrono::steady_clock::time_point end) const {
  const GstPtr<GstElement> encoder = child_of(picture_, "encoder");
  guint64 held = 1;
  while (encoder && held > 0 && std::chrono::steady_clock::now() < end) {
    read_stats(encoder.get(), {{"held", &held}});
    if (held > 0) g_usleep(5000);
  }
}

void Pipeline::drain(std::chrono::milliseconds longest) {
  const auto end = std::chrono::steady_clock::now() + longest;
  gst_element_set_locked_state(source_.element.get(), TRUE);
  gst_element_set_state(source_.element.get(), GST_STATE_NULL);
  GstPtr<GstPad> pad;
  {
    const std::lock_guard lock(branches_mutex_);
    if (sound_) pad.reset(gst_element_get_static_pad(sound_.get(), "sink"));
  }
  drain_pictures(end);
  if (!pad) return;
  const GstPtr<GstElement> out = child_of(sound_, "out");
  gst_pad_send_event(pad.get(), gst_event_new_eos());
  gboolean ended = FALSE;
  while (ended == FALSE && std::chrono::steady_clock::now() < end) {
    g_object_get(out.get(), "eos", &ended, nullptr);
    if (ended == FALSE) g_usleep(5000);
  }
}

// A pad that nobody takes would stop the source: what is not wanted goes into a sink.
void Pipeline::add_branch(GstPad* pad) {
  GstElement* branch = nullptr;
  try {
    branch = make_branch(pad);
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(pipeline_.get(), CORE, MISSING_PLUGIN, ("%s", error.what()), (nullptr));
    return;
  }
  gst_bin_add(GST_BIN(pipeline_.get()), branch);
  const GstPtr<GstPad> sink(gst_element_get_static_pad(branch, "sink"));
  if (GST_PAD_LINK_FAILED(gst_pad_link(pad, sink.get()))) {
    GST_ELEMENT_ERROR(pipeline_.get(), CORE, NEGOTIATION,
                      ("cannot take the pad %s of the source", GST_PAD_NAME(pad)), (nullptr));
    return;
  }
  gst_element_sync_state_with_parent(branch);
}

GstElement* Pipeline::make_branch(GstPad* pad) {
  GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  const Media media = media_of(caps.get());
  const bool paced = source_.in_bursts || (!source_.live && stream_.pace == settings::Pace::kLive);
  const BranchOptions options{source_.is_rtsp, paced, stream_.reads_fast()};
  if (media == Media::kSound && stream_.sound && !has_sound_.exchange(true)) {
    GstElement* branch = make_sound_branch(stream_, runtime_, options, &hooks_.media);
    if (runtime_.hearing) {
      const std::lock_guard lock(branches_mutex_);
      sound_.reset(GST_ELEMENT(gst_object_ref(branch)));
    }
    return branch;
  }
  if (media == Media::kPicture && stream_.video && !has_picture_.exchange(true)) {
    GstElement* branch = make_picture_branch(stream_, runtime_, options, &hooks_.media);
    const std::lock_guard lock(branches_mutex_);
    if (runtime_.seeing) picture_.reset(GST_ELEMENT(gst_object_ref(branch)));
    return branch;
  }
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  if (sink == nullptr) throw std::runtime_error("GStreamer has no element fakesink");
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  return sink;
}

}  // namespace vedette::daemon::streams
