#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/narration/stream_narration.h"
#include "models/preprocess/audio_window.h"
#include "models/runtime/runtime.h"
#include "sinks/publisher.h"

namespace vedette::tests {

// Runs sound through windows, encoder, decoder and narration as a stream does, but in media time: the next
// window is cut when the pass over the one before has ended. So what comes out does not depend on the
// machine's speed.
class HearingRig {
 public:
  struct Stamped {
    sinks::Record record;
    std::chrono::nanoseconds now{0};  // media time: the end of the window that was heard last
  };

  HearingRig(models::runtime::Runtime& runtime, const daemon::narration::NarrationOptions& narration,
             const models::preprocess::AudioWindowOptions& windows)
      : runtime_(runtime),
        policy_(windows),
        narration_(
            daemon::narration::StreamNarration::create("rig", runtime.engine(), publisher_, narration)) {
    base::ClockMap clock;
    clock.source = base::ClockSource::kFile;
    narration_->on_clock(clock);
  }
  ~HearingRig() { narration_->stop(); }

  // Hears all of it, and the end of the stream.
  void hear(const std::vector<float>& samples) {
    const auto emit = [this](models::preprocess::CutWindow window) { take(std::move(window)); };
    constexpr std::size_t kStep = 1600;
    for (std::size_t at = 0; at < samples.size(); at += kStep) {
      policy_.push({samples.data() + at, std::min(kStep, samples.size() - at)}, emit);
    }
    policy_.finish(emit);
  }

  const std::vector<Stamped>& records() const { return publisher_.records; }
  // The text of the closed transcripts.
  std::string text() const {
    std::string text;
    for (const Stamped& stamped : publisher_.records) {
      if (stamped.record.kind != sinks::Kind::kTranscript ||
          stamped.record.state != sinks::RecordState::kClose)
        continue;
      text += (text.empty() ? "" : " ") + stamped.record.text;
    }
    return text;
  }
  daemon::narration::NarrationStats stats() const { return narration_->stats(); }
  const std::vector<std::chrono::nanoseconds>& pass_times() const { return pass_times_; }

 private:
  struct StampingPublisher final : sinks::Publisher {
    sinks::PublishOutcome publish(sinks::Record record) override {
      const std::lock_guard lock(mutex);
      records.push_back({std::move(record), now});
      return sinks::PublishOutcome::kAccepted;
    }
    void publish_live(std::string_view, std::string_view) override {}
    void publish_state(sinks::StateUpdate) override {}
    std::mutex mutex;
    std::vector<Stamped> records;
    std::chrono::nanoseconds now{0};
  };

  void take(models::preprocess::CutWindow window) {
    const auto begin = std::chrono::steady_clock::now();
    daemon::streams::HeardWindow heard;
    heard.start = {0, policy_.to_time(window.first)};
    heard.length = policy_.to_time(static_cast<std::int64_t>(window.samples.size()));
    heard.level_dbfs = window.level_dbfs;
    heard.last = window.last;
    if (!window.silent) {
      std::promise<models::runtime::EncodedAudio> encoded;
      runtime_.hearing().submit(
          {.samples = std::move(window.samples)},
          [&](models::runtime::EncodedAudio result) { encoded.set_value(std::move(result)); });
      models::runtime::EncodedAudio result = encoded.get_future().get();
      if (result.error) std::rethrow_exception(result.error);
      heard.features = std::move(result.features);
    }
    {
      const std::lock_guard lock(publisher_.mutex);
      publisher_.now = heard.start.t + heard.length;
    }
    const bool silent = heard.features.empty();
    narration_->on_heard(std::move(heard));
    while (narration_->busy()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    policy_.settle(narration_->committed_until().t);
    if (!silent) pass_times_.push_back(std::chrono::steady_clock::now() - begin);
  }

  models::runtime::Runtime& runtime_;
  models::preprocess::AudioWindowPolicy policy_;
  StampingPublisher publisher_;
  std::shared_ptr<daemon::narration::StreamNarration> narration_;
  std::vector<std::chrono::nanoseconds> pass_times_;
};

// Words that have to be inserted, deleted or replaced, per word of the reference; case and punctuation do not
// count.
double word_error_rate(const std::string& reference, const std::string& hypothesis);

}  // namespace vedette::tests
