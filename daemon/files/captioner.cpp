#include "daemon/files/captioner.h"

#include <future>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/streams/feed.h"
#include "sinks/publisher.h"

namespace vedette::daemon::files {

using models::preprocess::AudioWindowPolicy;
using models::preprocess::CutWindow;
using models::runtime::EncodedAudio;
using std::chrono::nanoseconds;

namespace {

constexpr std::chrono::seconds kContainerError{1};  // its creation time counts whole seconds

// Hands the closed transcripts on.
class ClosedTranscripts final : public sinks::Publisher {
 public:
  explicit ClosedTranscripts(const std::function<void(const sinks::Record&)>& give) : give_(give) {}
  sinks::PublishOutcome publish(sinks::Record record) override {
    const bool wanted = record.kind == sinks::Kind::kTranscript &&
                        record.state == sinks::RecordState::kClose && !record.text.empty();
    if (wanted && give_) {
      record.published_ms = base::utc_now_ms();
      give_(record);
    }
    return sinks::PublishOutcome::kAccepted;
  }
  void publish_live(std::string_view, std::string_view) override {}
  void publish_state(sinks::StateUpdate) override {}

 private:
  const std::function<void(const sinks::Record&)>& give_;
};

AudioWindowPolicy whole_windows(models::preprocess::AudioWindowOptions options) {
  options.whole = true;
  return AudioWindowPolicy(options);
}

}  // namespace

base::ClockMap file_clock(const MediaInfo& info, std::optional<nanoseconds> start_time) {
  base::ClockMap clock;
  clock.source = base::ClockSource::kFile;
  clock.utc_zero = start_time.value_or(info.creation_utc.value_or(nanoseconds{0}));
  if (!start_time && info.creation_utc) clock.error = kContainerError;
  return clock;
}

Captioner::Captioner(models::runtime::Runtime& runtime, CaptionerOptions options)
    : runtime_(runtime), options_(std::move(options)) {}

// One window through encoder and decoder; the next begins where this one was settled.
void Captioner::hear(narration::StreamNarration& narration, AudioWindowPolicy& policy, CutWindow window) {
  streams::HeardWindow heard;
  heard.start = {options_.clock.epoch, policy.to_time(window.first)};
  heard.length =
      policy.to_time(window.first + static_cast<std::int64_t>(window.samples.size())) - heard.start.t;
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
  narration.on_heard(std::move(heard));
  while (narration.busy()) std::this_thread::sleep_for(std::chrono::microseconds(200));
  const narration::NarrationStats stats = narration.stats();
  if (stats.failed + stats.shed > 0) throw std::runtime_error("speech recognition failed");
  policy.settle(narration.committed_until().t);
}

CaptionStats Captioner::run(MediaReader& reader, const std::function<void(const sinks::Record&)>& give,
                            const std::function<void(nanoseconds)>& progress, std::stop_token stop) {
  ClosedTranscripts publisher(give);
  const auto narration =
      narration::StreamNarration::create(options_.stream, runtime_.engine(), publisher, options_.narration);
  narration->on_clock(options_.clock);
  AudioWindowPolicy policy = whole_windows(options_.windows);
  const auto emit = [&](CutWindow window) {
    if (stop.stop_requested()) return;
    hear(*narration, policy, std::move(window));
    if (progress) progress(policy.to_time(policy.start()));
  };
  std::vector<float> samples;
  while (!stop.stop_requested() && reader.read(samples)) {
    policy.push(samples, emit);
    samples.clear();
  }
  policy.finish(emit);
  narration->stop();
  CaptionStats stats;
  stats.narration = narration->stats();
  stats.sound = policy.to_time(reader.samples());
  if (progress && !stop.stop_requested()) progress(stats.sound);
  return stats;
}

}  // namespace vedette::daemon::files
