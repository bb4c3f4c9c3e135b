// The media of a connection, on their way to the feed; the connection itself is in session.cpp.
#include <utility>

#include "base/log.h"
#include "daemon/streams/session.h"
#include "gst-plugins/audio_meta.h"
#include "gst-plugins/image_buffer_encoding.h"
#include "gst-plugins/vision_meta.h"

namespace vedette::daemon::streams {

using std::chrono::nanoseconds;

namespace {

// A picture's time further ahead than this of all that came before is broken.
constexpr std::chrono::minutes kFarthestAhead{60};

}  // namespace

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

}  // namespace vedette::daemon::streams
