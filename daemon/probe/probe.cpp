#include "daemon/probe/probe.h"

#include <gst/gst.h>

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "daemon/probe/media_branch.h"
#include "daemon/probe/round_trip.h"
#include "daemon/settings/source_url.h"
#include "daemon/streams/gst_handles.h"
#include "daemon/streams/reachability.h"
#include "daemon/streams/sender_clock.h"
#include "daemon/streams/source.h"
#include "daemon/streams/stream_clock.h"
#include "daemon/streams/tls_trust.h"

namespace vedette::daemon::probe {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using streams::Failure;
using streams::GstPtr;
using streams::Media;

namespace {

constexpr milliseconds kTurn{50};
// Of a file, which is read as fast as it can be.
constexpr std::chrono::seconds kEnoughOfFile{30};
constexpr std::uint64_t kEnoughKeys = 3;  // the first may have been made for this connection

double ms_of(nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// One look: a pipeline of the source and a branch for its picture and its sound.
class Look {
 public:
  Look(const settings::StreamSettings& stream, const ProbeOptions& options)
      : options_(options), decoder_(stream.decoder), source_(streams::make_source(stream)) {
    pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    bus_.reset(gst_element_get_bus(pipeline_.get()));
    const GstPtr<GstClock> clock(gst_system_clock_obtain());
    gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
    gst_bin_add(GST_BIN(pipeline_.get()), GST_ELEMENT(gst_object_ref(source_.element.get())));
    callbacks_.on_pad = [this](GstPad* pad) { add_branch(pad); };
    callbacks_.on_no_more_pads = [this] { knows_tracks_ = true; };
    callbacks_.on_rtp_manager = [this](GstElement* manager) {
      streams::watch_sender_reports(manager, &told_);
    };
    told_ = [this](std::uint32_t sender, nanoseconds utc_zero) {
      const std::lock_guard lock(mutex_);
      sender_zeros_[sender] = utc_zero;
    };
    streams::watch_source(source_, &callbacks_);
  }
  ~Look() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;

  void run(const std::stop_token& stop, ProbeReport& report) {
    const auto begin = steady_clock::now();
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    std::optional<steady_clock::time_point> first;
    bool ended = false;
    while (report.works() && !ended) {
      const GstPtr<GstMessage> message(
          gst_bus_timed_pop_filtered(bus_.get(), static_cast<GstClockTime>(nanoseconds(kTurn).count()),
                                     static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
      if (message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
        report.failure = streams::failure_of(message.get());
      ended = message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
      const auto now = steady_clock::now();
      if (!first && any_decoded()) first = now;
      if (stop.stop_requested()) report.failure = {"stopped", "stopped before the end"};
      if (!report.works() || ended) break;
      if (!first) {
        report.failure = nothing_yet(now - begin);
      } else if (enough(now - *first)) {
        break;
      }
    }
    if (ended && !any_decoded()) report.failure = {"eos", "the source ended before anything came"};
    if (first) report.first_media_ms = ms_of(*first - begin);
    if (first) report.looked_s = std::chrono::duration<double>(steady_clock::now() - *first).count();
    tell(report);
  }

 private:
  bool any_decoded() const {
    const std::lock_guard lock(mutex_);
    return (picture_ && picture_->decoded() > 0) || (sound_ && sound_->decoded() > 0);
  }

  Failure nothing_yet(nanoseconds waited) const {
    {
      const std::lock_guard lock(mutex_);
      if (knows_tracks_ && !picture_ && !sound_)
        return {"no_media", "the source has neither sound nor picture"};
    }
    if (waited < options_.connect) return {};
    return {"timeout", "nothing came within " +
                           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(waited).count()) +
                           " s"};
  }

  bool enough(nanoseconds looked) const {
    if (looked >= options_.longest) return true;
    const std::lock_guard lock(mutex_);
    if (!source_.live) {
      const auto& longest = picture_ ? picture_ : sound_;
      return longest->coded().span() >= kEnoughOfFile;
    }
    if (looked < options_.least || (source_.is_rtsp && sender_zeros_.empty())) return false;
    if (!picture_) return true;
    const Tally coded = picture_->coded();
    return coded.keys() == coded.units() || coded.keys() >= kEnoughKeys;
  }

  void add_branch(GstPad* pad) {
    GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
    if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
    const Media media = streams::media_of(caps.get());
    GstElement* next = nullptr;
    try {
      const std::lock_guard lock(mutex_);
      std::unique_ptr<MediaBranch>* place = media == Media::kPicture ? &picture_
                                            : media == Media::kSound ? &sound_
                                                                     : nullptr;
      if (place != nullptr && !*place) {
        *place = std::make_unique<MediaBranch>(media, decoder_);
        next = (*place)->bin();
      }
    } catch (const std::exception& error) {
      GST_ELEMENT_ERROR(pipeline_.get(), CORE, MISSING_PLUGIN, ("%s", error.what()), (nullptr));
      return;
    }
    if (next == nullptr) {
      next = gst_element_factory_make("fakesink", nullptr);
      g_object_set(next, "sync", FALSE, "async", FALSE, nullptr);
    }
    gst_bin_add(GST_BIN(pipeline_.get()), next);
    const GstPtr<GstPad> sink(gst_element_get_static_pad(next, "sink"));
    if (GST_PAD_LINK_FAILED(gst_pad_link(pad, sink.get()))) {
      GST_ELEMENT_ERROR(pipeline_.get(), CORE, NEGOTIATION,
                        ("cannot take the pad %s of the source", GST_PAD_NAME(pad)), (nullptr));
      return;
    }
    gst_element_sync_state_with_parent(next);
  }

  void tell(ProbeReport& report) const {
    count_packets(report);
    const std::lock_guard lock(mutex_);
    if (picture_ && picture_->decoded() > 0) report.picture = picture_->picture();
    if (sound_ && sound_->decoded() > 0) report.sound = sound_->sound();
    if (report.picture || report.sound) report.clock = clock();
  }

  // As Session has it: what the daemon would believe. Requires: mutex_ is held.
  ClockReport clock() const {
    streams::StreamClock clock;
    clock.set_receive_error(source_.receive_error);
    ClockReport report;
    if (!source_.live) {
      clock.set_file_zero(nanoseconds{0}, nanoseconds{0});
    } else {
      const GstPtr<GstClock> running(gst_pipeline_get_pipeline_clock(GST_PIPELINE(pipeline_.get())));
      const auto since_zero = nanoseconds(static_cast<std::int64_t>(
          gst_clock_get_time(running.get()) - gst_element_get_base_time(pipeline_.get())));
      const nanoseconds utc = std::chrono::system_clock::now().time_since_epoch();
      clock.sample(utc, since_zero);
      for (const auto& [sender, zero] : sender_zeros_) {
        clock.set_sender_zero(sender, zero);
        const double ahead = std::chrono::duration<double>(zero - (utc - since_zero)).count();
        if (!report.ahead_s || ahead > *report.ahead_s) report.ahead_s = ahead;
      }
    }
    const base::ClockMap map = clock.map(0);
    report.source = map.source;
    report.error_s = std::chrono::duration<double>(map.error).count();
    return report;
  }

  // What the jitter buffers saw.
  void count_packets(ProbeReport& report) const {
    GstIterator* all =
        gst_bin_iterate_all_by_element_factory_name(GST_BIN(pipeline_.get()), "rtpjitterbuffer");
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
      GstStructure* stats = nullptr;
      g_object_get(g_value_get_object(&item), "stats", &stats, nullptr);
      guint64 pushed = 0, lost = 0;
      if (stats != nullptr && gst_structure_get(stats, "num-pushed", G_TYPE_UINT64, &pushed, "num-lost",
                                                G_TYPE_UINT64, &lost, nullptr) != FALSE) {
        report.packets += pushed;
        report.packets_lost += lost;
      }
      if (stats != nullptr) gst_structure_free(stats);
      g_value_reset(&item);
    }
    g_value_unset(&item);
    gst_iterator_free(all);
  }

  const ProbeOptions options_;
  const settings::Decoder decoder_;
  mutable std::mutex mutex_;  // guards the next three; before the pipeline, whose threads use them
  std::unique_ptr<MediaBranch> picture_, sound_;
  std::map<std::uint32_t, nanoseconds> sender_zeros_;  // UTC of running time zero, by RTP session
  std::atomic<bool> knows_tracks_{false};
  streams::SenderReportTold told_;
  streams::SourceCallbacks callbacks_;
  streams::Source source_;
  GstPtr<GstElement> pipeline_;
  GstPtr<GstBus> bus_;
};

const char* to_string(settings::Transport transport) {
  switch (transport) {
    case settings::Transport::kTcp: return "tcp";
    case settings::Transport::kUdp: return "udp";
    case settings::Transport::kAuto: return "auto";
  }
  return "tcp";
}

}  // namespace

ProbeReport probe_stream(const settings::StreamSettings& stream, const ProbeOptions& options,
                         const std::stop_token& stop) {
  ProbeReport report;
  report.source = base::mask_secrets(stream.source.empty() ? stream.pipeline : stream.source);
  if (stream.source.starts_with("rtsp")) report.transport = to_string(stream.transport);
  std::optional<settings::SourceUrl> url;
  if (!stream.source.empty()) url = settings::parse_source_url(stream.source);
  const RoundTrip trip = url ? measure_round_trip(*url, stop) : RoundTrip{};
  if (trip.connect) report.connect_ms = ms_of(*trip.connect);
  if (trip.options) report.options_ms = ms_of(*trip.options);
  report.failure = trip.failure;
  if (!report.works()) return report;
  std::optional<streams::TlsTrust> trust;
  try {
    if (url && url->uses_tls()) trust.emplace(*url, stream.tls);
    Look(stream, options).run(stop, report);
    if (!report.works())
      report.failure = streams::explain(report.failure, url, trust, report.first_media_ms.has_value(), stop);
  } catch (const std::invalid_argument& error) {
    report.failure = {"source", base::mask_secrets(error.what())};
  } catch (const std::exception& error) {  // authorities that cannot be read, or an element that is not there
    const bool no_trust = url && url->uses_tls() && !trust;
    report.failure = {no_trust ? "tls" : "unsupported", base::mask_secrets(error.what())};
  }
  return report;
}

}  // namespace vedette::daemon::probe
