#include "daemon/streams/session.h"

#include <utility>

#include "base/log.h"
#include "daemon/streams/reachability.h"
#include "gst-plugins/audio_meta.h"
#include "gst-plugins/image_buffer_encoding.h"
#include "gst-plugins/vision_meta.h"

namespace vedette::daemon::streams {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kTurn{100};  // how often the bus loop looks around
constexpr milliseconds kHealthTick{1000};
constexpr std::chrono::seconds kClockSample{1};  // the system's clock may be set at any time
constexpr milliseconds kDrain{2500};             // for what is under way when a connection ends
// A picture's time further ahead than this of all that came before is broken.
constexpr std::chrono::minutes kFarthestAhead{60};

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
    health_.add_media(time, bytes);
    ++media_buffers_;
  };
  hooks_.media.on_sound = [this](nanoseconds time, std::span<const float> samples) {
    health_.add_sound(time, samples);
    came_to(time);
  };
  hooks_.media.on_window = [this](GstBuffer* buffer) { on_window(buffer); };
  hooks_.media.on_frame = [this](nanoseconds time) { health_.count_frame(time); };
  hooks_.media.on_look = [this](nanoseconds time, const models::runtime::ImageFrame& picture) {
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

Session::Outcome Session::run(const std::stop_token& stop) {
  Outcome outcome;
  set_status(StreamState::kStarting, "");
  try {
    Pipeline pipeline(stream_, runtime_, hooks_);
    pipeline_ = &pipeline;
    if (!pipeline.live()) clock_.set_file_zero(stream_.utc_zero.value_or(nanoseconds{0}), nanoseconds{0});
    const std::stop_callback on_stop(stop, [this] { stopping_ = true; });
    outcome.failure = watch(pipeline, stop);
    stopping_ = true;
    if (media_buffers_ > 0 && outcome.failure.reason != "model") pipeline.drain(kDrain);
    figures_.set_running(pipeline.counters());
    pipeline.stop();
    finish_pictures();
    outcome.ran = media_buffers_ > 0;
    if (!outcome.ran && pipeline.is_rtsp() && outcome.failure.reason == "source") {
      const Failure why = why_unreachable(stream_.source, stop);
      if (!why.reason.empty()) outcome.failure = why;
    }
  } catch (const std::exception& error) {
    outcome.failure = {"source", base::mask_secrets(error.what())};
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

void Session::on_window(GstBuffer* buffer) {
  const gst::VedetteAudioWindowMeta* window = gst::audio_window_meta(buffer);
  gst::VedetteAudioFeaturesMeta* features = gst::audio_features_meta(buffer);
  if (window == nullptr || features == nullptr) return;
  HeardWindow heard;
  heard.start = {first_epoch_ + window->epoch, nanoseconds(static_cast<std::int64_t>(window->running_time))};
  heard.length = nanoseconds(static_cast<std::int64_t>(GST_BUFFER_DURATION(buffer)));
  heard.features = std::move(*features->features);
  heard.level_dbfs = window->level_dbfs;
  heard.last = window->last != FALSE;
  enter_epoch(heard.start.epoch);
  const bool silent = heard.features.empty();
  if (heard.last && stream_.reads_fast()) {
    wait_for_pictures(nanoseconds::max());
    finish_pictures();
  }
  {
    const std::lock_guard lock(feed_mutex_);
    feed_.on_heard(std::move(heard));
  }
  if (stream_.reads_fast() && !silent) answer_window();
}

PictureWatch::Hooks Session::picture_hooks() {
  PictureWatch::Hooks hooks;
  hooks.on_look = [this](base::MediaTime time, const signals::WholePicture& picture,
                         const signals::LumaFrame& small) { health_.look(time, picture, small); };
  hooks.on_motion = [this](const signals::MotionEvent& event) {
    const std::lock_guard lock(feed_mutex_);
    feed_.on_motion(event);
  };
  return hooks;
}

// The pictures that went to the encoder have come back, and narration is done with them.
void Session::wait_for_seen() const {
  while (!stopping_ && (seen_ < sampled_ || feed_.busy())) g_usleep(200);
}

// All tracks of a file are there before the first buffer of any comes.
void Session::wait_for_sound(nanoseconds picture) {
  picture_ns_ = picture.count();
  while (!stopping_ && picture.count() >= settled_sound_ns_ && pipeline_->has_sound()) g_usleep(200);
}

void Session::wait_for_pictures(nanoseconds until) {
  settled_sound_ns_ = until.count();
  while (!stopping_ && !pictures_ended_ && picture_ns_ < until.count() && pipeline_->has_picture())
    g_usleep(200);
}

// Where there is sound, its windows say when an epoch begins; until they do, pictures from before the newest
// one are left out. Without sound a jump back begins one. A time far ahead of all else is broken.
std::optional<std::uint32_t> Session::on_look(nanoseconds time, const models::runtime::ImageFrame& picture) {
  if (time - nanoseconds(newest_ns_) > kFarthestAhead) {
    base::log_limited(base::LogLevel::kWarning, stream_.id, "picture_time",
                      "a picture's time is over an hour ahead: it is left out");
    return std::nullopt;
  }
  if (stream_.reads_fast()) {
    wait_for_seen();
    wait_for_sound(time);
  }
  if (!pipeline_->has_sound()) {
    constexpr std::chrono::seconds kJump{1};
    if (newest_ns_ - time.count() > nanoseconds(kJump).count()) {
      newest_ns_ = time.count();
      enter_epoch(epoch_ + 1);
    }
    came_to(time);
  }
  const std::uint32_t epoch = epoch_;
  if (!watch_.look({epoch, time}, picture.view) || is_thinned(time)) return std::nullopt;
  return epoch;
}

// Comes from vedvisionencoder, or from vedframesampler where no model sees.
void Session::on_seen(GstBuffer* buffer, GstCaps* caps) {
  const gst::VedetteFrameMeta* meta = gst::frame_meta(buffer);
  if (meta == nullptr) return;
  SeenFrame frame;
  frame.time = {meta->epoch, nanoseconds(static_cast<std::int64_t>(meta->running_time))};
  frame.change = meta->unchanged != FALSE ? 0.0F : meta->change;
  frame.lost = meta->lost;
  frame.picture = gst::image_frame_of(buffer, caps);
  if (gst::VedetteVisionMeta* vision = gst::vision_meta(buffer)) frame.take(std::move(*vision->seen));
  {
    const std::lock_guard lock(feed_mutex_);
    feed_.on_seen(std::move(frame));
  }
  ++seen_;
}

void Session::finish_pictures() {
  const auto newest = watch_.finish();
  if (!newest) return;
  SeenFrame last;
  last.time = *newest;
  last.last = true;
  const std::lock_guard lock(feed_mutex_);
  feed_.on_seen(std::move(last));
}

void Session::enter_epoch(std::uint32_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  health_.begin_epoch(epoch);
  const std::lock_guard lock(feed_mutex_);
  feed_.on_clock(clock_.map(epoch));
}

// A file that is read as fast as it can be waits for what follows; vedaudiowindow waits to be told where its
// next window begins, once for each that is not silent.
void Session::answer_window() {
  while (!stopping_ && feed_.busy()) g_usleep(200);
  const base::MediaTime until = feed_.committed_until();
  if (until.epoch == epoch_) wait_for_pictures(until.t);
  pipeline_->settle(epoch_ - first_epoch_, until.epoch == epoch_ ? until.t : nanoseconds{0});
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
  const std::uint64_t buffers = media_buffers_;
  if (buffers != seen_buffers_) {
    seen_buffers_ = buffers;
    seen_at_ = now;
  }
  const double silent_s = std::chrono::duration<double>(now - seen_at_).count();
  // A file is read ahead of its time, or waits for the models: it does not stall.
  if (now - seen_at_ >= stream_.stalled_after && (pipeline_->live() || buffers == 0)) {
    if (buffers == 0)
      return Failure{"timeout", "nothing came within " + std::to_string(static_cast<int>(silent_s)) + " s"};
    set_status(StreamState::kStalled, "no_data");
    return Failure{"stalled", "nothing came for " + std::to_string(static_cast<int>(silent_s)) + " s"};
  }
  if (buffers == 0) {
    if (!pipeline_->knows_tracks() || pipeline_->has_sound() || pipeline_->has_picture()) return std::nullopt;
    set_status(StreamState::kNoSignal, "no_media");
    return Failure{"no_media", "the source has neither sound nor picture that is wanted"};
  }
  // Not every file says that there are no more tracks, but all have come when the first media do.
  const bool known = pipeline_->knows_tracks() || !pipeline_->live();
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
