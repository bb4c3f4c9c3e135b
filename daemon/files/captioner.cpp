#include "daemon/files/captioner.h"

#include <algorithm>
#include <future>
#include <limits>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/files/picture_viewer.h"
#include "daemon/streams/feed.h"
#include "daemon/streams/health_monitor.h"
#include "sinks/publisher.h"

namespace vedette::daemon::files {

using models::preprocess::AudioWindowPolicy;
using models::preprocess::CutWindow;
using models::runtime::EncodedAudio;
using models::runtime::ImageFrame;
using std::chrono::nanoseconds;

namespace {

constexpr std::chrono::seconds kContainerError{1};  // its creation time counts whole seconds

// Hands the records on.
class RecordsGiven final : public sinks::Publisher {
 public:
  explicit RecordsGiven(const std::function<void(sinks::Record)>& give) : give_(give) {}
  sinks::PublishOutcome publish(sinks::Record record) override {
    if (!give_) return sinks::PublishOutcome::kAccepted;
    record.published_ms = base::utc_now_ms();
    const std::lock_guard lock(mutex_);
    give_(std::move(record));
    return sinks::PublishOutcome::kAccepted;
  }
  void publish_live(std::string_view, std::string_view) override {}
  void publish_state(sinks::StateUpdate) override {}

 private:
  const std::function<void(sinks::Record)>& give_;
  std::mutex mutex_;
};

AudioWindowPolicy whole_windows(models::preprocess::AudioWindowOptions options) {
  options.whole = true;
  return AudioWindowPolicy(options);
}

// A black picture of the same size.
ImageFrame blackened(const ImageFrame& picture) {
  struct Black {
    std::vector<std::uint8_t> luma, chroma;
  };
  const auto& view = picture.view;
  const auto pixels = static_cast<std::size_t>(view.width) * static_cast<std::size_t>(view.height);
  const auto half = static_cast<std::size_t>((view.width + 1) / 2);
  const auto black = std::make_shared<Black>();
  black->luma.assign(pixels, 16);
  black->chroma.assign(half * static_cast<std::size_t>((view.height + 1) / 2), 128);
  models::preprocess::FrameView dark;
  dark.width = view.width;
  dark.height = view.height;
  dark.planes = {black->luma, black->chroma, black->chroma};
  dark.strides = {view.width, static_cast<int>(half), static_cast<int>(half)};
  return {dark, black};
}

}  // namespace

base::ClockMap file_clock(const MediaInfo& info, std::optional<nanoseconds> start_time) {
  base::ClockMap clock;
  clock.source = base::ClockSource::kFile;
  clock.utc_zero = start_time.value_or(info.creation_utc.value_or(nanoseconds{0}));
  if (!start_time && info.creation_utc) clock.error = kContainerError;
  return clock;
}

// One run.
class Captioner::Viewing {
 public:
  Viewing(models::runtime::Runtime& runtime, const CaptionerOptions& options, sinks::Publisher& publisher,
          PictureReader* pictures)
      : runtime_(runtime),
        options_(options),
        pictures_(pictures != nullptr && pictures->has_pictures() ? pictures : nullptr),
        narration_(narration::StreamNarration::create(options.stream, runtime.engine(), publisher,
                                                      options.narration)),
        health_(options.health, [this](const signals::HealthEvent& event) { narration_->on_health(event); }),
        viewer_(viewer_options(options), seeing(runtime), viewer_hooks()),
        policy_(whole_windows(options.windows)) {
    narration_->on_clock(options.clock);
    health_.begin_epoch(options.clock.epoch);
    if (pictures_ != nullptr && options.from.count() > 0) pictures_->seek(options.from);
  }

  void listen(std::span<const float> samples, const std::function<void(CutWindow)>& emit) {
    health_.add_sound(policy_.to_time(samples_), samples);
    samples_ += static_cast<std::int64_t>(samples.size());
    policy_.push(samples, emit);
  }
  void hear(CutWindow window);
  // Sees all pictures before this time.
  void see_until(nanoseconds end);
  void finish_seeing() {
    if (pictures_ != nullptr) viewer_.finish();
  }

  narration::StreamNarration& narration() { return *narration_; }
  AudioWindowPolicy& policy() { return policy_; }
  std::int64_t samples() const { return samples_; }

 private:
  static PictureViewerOptions viewer_options(const CaptionerOptions& options) {
    return {options.stream, options.video_rate_hz, true};
  }
  // Borrows: the runtime outlives this.
  static std::shared_ptr<models::runtime::ImageEncoding> seeing(models::runtime::Runtime& runtime) {
    if (!runtime.can_see()) return nullptr;
    return {std::shared_ptr<void>(), &runtime.seeing()};
  }
  PictureViewer::Hooks viewer_hooks() {
    return {{[this](base::MediaTime time, const signals::WholePicture& picture,
                    const signals::LumaFrame& small) { health_.look(time, picture, small); },
             [this](const signals::MotionEvent& event) { narration_->on_motion(event); }},
            [this](streams::SeenFrame frame) { narration_->on_seen(std::move(frame)); }};
  }
  base::MediaTime at(nanoseconds file_time) const {
    return {options_.clock.epoch, file_time - options_.from};
  }
  void wait() const {
    while (narration_->busy()) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }

  models::runtime::Runtime& runtime_;
  const CaptionerOptions& options_;
  PictureReader* const pictures_;
  const std::shared_ptr<narration::StreamNarration> narration_;
  streams::HealthMonitor health_;
  PictureViewer viewer_;
  AudioWindowPolicy policy_;
  std::int64_t samples_ = 0;
  std::optional<PictureReader::Picture> next_;  // that was read too early
  bool pictures_ended_ = false;
};

// One window through encoder and decoder; the next begins where this one was settled.
void Captioner::Viewing::hear(CutWindow window) {
  streams::HeardWindow heard;
  heard.start = {options_.clock.epoch, policy_.to_time(window.first)};
  heard.length =
      policy_.to_time(window.first + static_cast<std::int64_t>(window.samples.size())) - heard.start.t;
  heard.level_dbfs = window.level_dbfs;
  heard.last = window.last;
  if (!window.silent) {
    std::promise<EncodedAudio> promise;
    runtime_.hearing().submit({.samples = std::move(window.samples)},
                              [&](EncodedAudio encoded) { promise.set_value(std::move(encoded)); });
    EncodedAudio encoded = promise.get_future().get();
    if (encoded.error) std::rethrow_exception(encoded.error);
    heard.features = std::move(encoded.features);
  }
  narration_->on_heard(std::move(heard));
  wait();
  const narration::NarrationStats stats = narration_->stats();
  if (stats.failed + stats.shed > 0) throw std::runtime_error("speech recognition failed");
  policy_.settle(narration_->committed_until().t);
}

void Captioner::Viewing::see_until(nanoseconds end) {
  if (pictures_ == nullptr) return;
  const auto wants = [&](nanoseconds file_time) {
    return file_time >= options_.from && viewer_.wants(at(file_time));
  };
  while (!pictures_ended_) {
    if (!next_) next_ = pictures_->read(wants);
    pictures_ended_ = !next_ || (options_.to && next_->time >= *options_.to);
    if (pictures_ended_ || at(next_->time).t >= end) return;
    ImageFrame picture =
        options_.control == Control::kBlack ? blackened(next_->frame) : std::move(next_->frame);
    viewer_.look(at(next_->time), std::move(picture));
    next_.reset();
    wait();
  }
}

Captioner::Captioner(models::runtime::Runtime& runtime, CaptionerOptions options)
    : runtime_(runtime), options_(std::move(options)) {}

CaptionStats Captioner::run(MediaReader& sound, PictureReader* pictures, const Hooks& hooks,
                            std::stop_token stop) {
  RecordsGiven publisher(hooks.give);
  Viewing viewing(runtime_, options_, publisher, pictures);
  AudioWindowPolicy& policy = viewing.policy();
  auto end = [&, ended = false]() mutable {
    if (std::exchange(ended, true)) return;
    viewing.see_until(nanoseconds::max());
    if (hooks.before_end) hooks.before_end(viewing.narration());
    viewing.finish_seeing();
  };
  const auto emit = [&](CutWindow window) {
    if (stop.stop_requested()) return;
    if (window.last) end();
    viewing.hear(std::move(window));
    viewing.see_until(viewing.narration().committed_until().t);
    const nanoseconds done = policy.to_time(policy.start());
    if (hooks.progress) hooks.progress(done);
  };
  const std::int64_t first = policy.to_samples(options_.from);
  const std::int64_t past =
      options_.to ? policy.to_samples(*options_.to) : std::numeric_limits<std::int64_t>::max();
  std::vector<float> samples;
  while (!stop.stop_requested() && sound.samples() < past && sound.read(samples)) {
    const std::int64_t end_of_it = sound.samples();
    const auto begin = end_of_it - static_cast<std::int64_t>(samples.size());
    if (options_.control == Control::kMute) std::ranges::fill(samples, 0.0F);
    const auto cut = [&](std::int64_t at) {
      return samples.begin() + (std::clamp(at, begin, end_of_it) - begin);
    };
    viewing.listen({cut(first), cut(past)}, emit);
    samples.clear();
  }
  policy.finish(emit);
  if (!stop.stop_requested()) end();
  viewing.narration().stop();
  CaptionStats stats;
  stats.narration = viewing.narration().stats();
  stats.sound = policy.to_time(viewing.samples());
  if (hooks.progress && !stop.stop_requested()) hooks.progress(stats.sound);
  return stats;
}

CaptionStats Captioner::run(MediaReader& sound, const std::function<void(const sinks::Record&)>& give,
                            const std::function<void(nanoseconds)>& progress, std::stop_token stop) {
  Hooks hooks;
  hooks.progress = progress;
  hooks.give = [&](const sinks::Record& record) {
    const bool wanted = record.kind == sinks::Kind::kTranscript && record.state == sinks::RecordState::kClose;
    if (wanted && give) give(record);
  };
  return run(sound, nullptr, hooks, stop);
}

}  // namespace vedette::daemon::files
