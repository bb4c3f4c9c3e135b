#include "daemon/streams/session.h"

#include <utility>

#include "base/log.h"
#include "daemon/settings/source_url.h"
#include "daemon/streams/reachability.h"
#include "daemon/streams/tls_trust.h"

namespace vedette::daemon::streams {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kTurn{100};  // how often the bus loop looks around
constexpr milliseconds kHealthTick{1000};
constexpr std::chrono::seconds kClockSample{1};  // the system's clock may be set at any time
constexpr milliseconds kDrain{2500};             // for what is under way when a connection ends

}  // namespace

Session::Session(const settings::StreamSettings& stream, const gst::RuntimeHandle& runtime, Feed& feed,
                 StreamFigures& figures, std::uint32_t first_epoch)
    : stream_(stream),
      runtime_(runtime),
      figures_(figures),
      first_epoch_(first_epoch),
      feed_(feed),
      health_(stream.health,
              [this](const signals::HealthEvent& event) {
                const std::lock_guard lock(feed_mutex_);
                feed_.on_health(event);
              }),
      watch_(measures_motion(stream), picture_hooks()),
      epoch_(first_epoch) {
  health_.begin_epoch(first_epoch);
  hooks_.media.on_tags = [this](const GstTagList* tags) { read_tags(tags); };
  hooks_.media.on_media = [this](nanoseconds time, std::uint64_t bytes) {
    if (!pipeline_->live() && !file_clock_told_.exchange(true)) tell_clock();  // its tags have come
    if (!pipeline_->source().in_bursts) health_.add_media(time, bytes);
    ++media_buffers_;
    count_flow(false);
  };
  hooks_.media.on_end = [this] { ended_ = true; };
  hooks_.media.on_sound = [this](nanoseconds time, std::span<const float> samples) {
    if (pipeline_->source().in_bursts) health_.add_media(time, samples.size_bytes());
    count_flow(true);
    health_.add_sound(time, samples);
    came_to(time);
  };
  hooks_.media.on_window = [this](GstBuffer* buffer) { on_window(buffer); };
  hooks_.media.on_frame = [this](nanoseconds time) { health_.count_frame(time); };
  hooks_.media.on_look = [this](nanoseconds time, const models::runtime::ImageFrame& picture) {
    if (pipeline_->source().in_bursts) health_.add_media(time, 1);
    count_flow(true);
    return on_look(time, picture);
  };
  hooks_.media.on_sampled = [this] { ++sampled_; };
  hooks_.media.on_seen = [this](GstBuffer* buffer, GstCaps* caps) { on_seen(buffer, caps); };
  hooks_.media.on_windows_end = [this] { settled_sound_ns_ = nanoseconds::max().count(); };
  hooks_.media.on_pictures_end = [this] { pictures_ended_ = true; };
  hooks_.on_sender_report = [this](std::uint32_t sender, nanoseconds utc_zero) {
    const bool believed = clock_.set_sender_zero(sender, utc_zero);
    const bool doubted = doubts_camera_clock_.exchange(!believed);
    if (believed) return tell_clock();
    if (doubted) return;  // it was said
    base::log_limited(base::LogLevel::kWarning, stream_.id, "camera_clock",
                      "the camera's clock is more than 10 s off ours: times are those of receipt");
  };
}

// What comes in bursts has come to a stall when nothing of it is left to be played.
void Session::count_flow(bool in_bursts) {
  if (pipeline_->source().in_bursts == in_bursts) ++flowed_;
}

Session::Outcome Session::run(const std::stop_token& stop) {
  Outcome outcome;
  set_status(StreamState::kStarting, "");
  std::optional<settings::SourceUrl> url;
  std::optional<TlsTrust> trust;
  try {
    if (!stream_.source.empty()) url = settings::parse_source_url(stream_.source);
    if (url && url->uses_tls()) trust.emplace(*url, stream_.tls);
    Pipeline pipeline(stream_, runtime_, hooks_);
    pipeline_ = &pipeline;
    clock_.set_receive_error(pipeline.source().receive_error);
    if (!pipeline.live()) clock_.set_file_zero(stream_.utc_zero.value_or(nanoseconds{0}), nanoseconds{0});
    const std::stop_callback on_stop(stop, [this] { stopping_ = true; });
    outcome.failure = watch(pipeline, stop);
    stopping_ = true;
    if (media_buffers_ > 0 && outcome.failure.reason != "model") pipeline.drain(kDrain);
    figures_.set_running(pipeline.counters());
    pipeline.stop();
    finish_pictures();
    outcome.ran = media_buffers_ > 0;
    outcome.failure = explain(outcome.failure, url, trust, outcome.ran, stop);
  } catch (const std::exception& error) {
    const bool no_trust = url && url->uses_tls() && !trust;
    outcome.failure = {no_trust ? "tls" : "source", base::mask_secrets(error.what())};
  }
  pipeline_ = nullptr;
  outcome.next_epoch = epoch_ + 1;
  return outcome;
}

Failure Session::watch(Pipeline& pipeline, const std::stop_token& stop) {
  seen_at_ = ticked_at_ = steady_clock::now();
  pipeline.play();
  while (!stop.stop_requested()) {
    if (const GstPtr<GstMessage> message = pipeline.wait(kTurn)) {
      if (auto failure = on_message(message.get())) return *failure;
    }
    if (!stream_.reads_fast()) tell_settled();
    if (auto failure = check_flow()) return *failure;
    const auto now = steady_clock::now();
    if (media_buffers_ > 0 &&
        (sampled_at_ == steady_clock::time_point{} || now - sampled_at_ >= kClockSample)) {
      sampled_at_ = now;
      sample_clock();
    }
    if (now - ticked_at_ >= kHealthTick) {
      ticked_at_ = now;
      tick();
    }
  }
  return {"stopped", ""};
}

std::optional<Failure> Session::on_message(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: return failure_of(message);
    case GST_MESSAGE_EOS: return Failure{"eos", "the source ended"};
    case GST_MESSAGE_WARNING: tell_warning(message); return std::nullopt;
    default: return std::nullopt;
  }
}

// What vedvisionencoder failed at.
void Session::tell_warning(GstMessage* message) const {
  GError* raw = nullptr;
  gst_message_parse_warning(message, &raw, nullptr);
  const GlibError error(raw);
  if (g_error_matches(raw, GST_STREAM_ERROR, GST_STREAM_ERROR_ENCODE) == FALSE) return;
  base::log_limited(base::LogLevel::kError, stream_.id, "encode",
                    std::string("a picture could not be encoded: ") + error->message);
}

// A file says when it was made; only where the settings do not know better.
void Session::read_tags(const GstTagList* tags) {
  if (pipeline_->live() || stream_.utc_zero) return;
  GstDateTime* made = nullptr;
  if (gst_tag_list_get_date_time(tags, GST_TAG_DATE_TIME, &made) == FALSE) return;
  if (GDateTime* moment = gst_date_time_to_g_date_time(made); moment != nullptr) {
    clock_.set_file_zero(std::chrono::seconds(g_date_time_to_unix(moment)), StreamClock::kContainerError);
    g_date_time_unref(moment);
  }
  gst_date_time_unref(made);
}

void Session::sample_clock() {
  if (!pipeline_->live()) return;
  const auto utc = [] {
    return std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  };
  const nanoseconds before = utc();
  const nanoseconds running = pipeline_->running_time();
  clock_.sample((before + utc()) / 2, running);
  tell_clock();
}

void Session::tell_clock() {
  const auto map = clock_.changed(epoch_);
  if (!map) return;
  const std::lock_guard lock(feed_mutex_);
  feed_.on_clock(*map);
}

void Session::tell_settled() {
  const base::MediaTime until = feed_.committed_until();
  if (until.epoch != epoch_ || until.epoch < first_epoch_) return;
  if (until.epoch == settled_epoch_ && until.t <= settled_) return;
  settled_epoch_ = until.epoch;
  settled_ = until.t;
  pipeline_->settle(until.epoch - first_epoch_, until.t);
}

void Session::came_to(nanoseconds time) {
  if (time.count() > newest_ns_) newest_ns_ = time.count();
}

void Session::tick() {
  if (media_buffers_ == 0) return;
  figures_.set_tried();
  figures_.set_running(pipeline_->counters());
  // Time passes also when nothing comes, but not for a file that is read as fast as it can be.
  const nanoseconds now = stream_.reads_fast() ? nanoseconds(newest_ns_) : pipeline_->running_time();
  health_.tick(now, stream_.sound, stream_.video && pipeline_->has_picture());
}

// What the source gives, and whether it gives anything.
std::optional<Failure> Session::check_flow() {
  const auto now = steady_clock::now();
  const std::uint64_t buffers = media_buffers_, flow = flowed_;
  if (flow != seen_flow_) {
    seen_flow_ = flow;
    seen_at_ = now;
  }
  const double silent_s = std::chrono::duration<double>(now - seen_at_).count();
  // A file is read ahead of its time, or waits for the models: it does not stall.
  if (now - seen_at_ >= stream_.stalled_after && (pipeline_->live() || buffers == 0)) {
    if (buffers == 0)
      return Failure{"timeout", "nothing came within " + std::to_string(static_cast<int>(silent_s)) + " s"};
    if (ended_) return Failure{"eos", "the source ended"};  // its end waits for the models
    set_status(StreamState::kStalled, "no_data");
    return Failure{"stalled", "nothing came for " + std::to_string(static_cast<int>(silent_s)) + " s"};
  }
  if (buffers == 0) {
    if (!pipeline_->knows_tracks() || pipeline_->has_sound() || pipeline_->has_picture()) return std::nullopt;
    set_status(StreamState::kNoSignal, "no_media");
    return Failure{"no_media", "the source has neither sound nor picture that is wanted"};
  }
  const bool known = pipeline_->knows_tracks() || pipeline_->source().all_with_media;
  std::string missing;
  if (known && stream_.sound && !pipeline_->has_sound()) missing = "no_audio";
  if (known && stream_.video && !pipeline_->has_picture()) missing = "no_video";
  set_status(StreamState::kRunning, missing);
  return std::nullopt;
}

void Session::set_status(StreamState state, const std::string& reason) {
  const std::lock_guard lock(feed_mutex_);
  if (told_status_ && told_status_->state == state && told_status_->reason == reason) return;
  told_status_ = StreamStatus{state, reason, 0};
  feed_.on_status(*told_status_);
}

}  // namespace vedette::daemon::streams
