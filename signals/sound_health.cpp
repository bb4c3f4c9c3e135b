#include "signals/sound_health.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vedette::signals {

namespace {

constexpr int kBlockSamples = SoundHealth::kSampleRateHz / 10;
constexpr float kSilentMarginDb = 3.0F;  // silence ends this far above the level at which it begins
constexpr float kFloorDbfs = -120.0F;

std::chrono::nanoseconds duration_of(std::size_t samples) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(samples) * 1'000'000'000 /
                                  SoundHealth::kSampleRateHz);
}

}  // namespace

SoundHealth::SoundHealth(const SoundHealthOptions& options, HealthSink sink)
    : options_(options),
      sink_(std::move(sink)),
      silent_(options.silent_after, options.clear_after),
      clipped_(options.clipped_after, options.clear_after),
      absent_(options.absent_after, options.clear_after) {}

void SoundHealth::add(base::MediaTime start, std::span<const float> samples) {
  if (samples.empty()) return;
  const base::MediaTime block_now{block_start_.epoch,
                                  block_start_.t + duration_of(static_cast<std::size_t>(block_samples_))};
  const bool follows = heard_until_ && start.epoch == block_now.epoch &&
                       std::chrono::abs(start.t - block_now.t) <= std::chrono::seconds(1);
  if (!follows || block_samples_ == 0) begin_block(start);
  const base::MediaTime end{start.epoch, start.t + duration_of(samples.size())};
  report(Condition::kSoundAbsent, absent_, start, end, false, 0.0);
  heard_until_ = end;
  for (const float sample : samples) {
    sum_ += sample;
    sum_of_squares_ += static_cast<double>(sample) * sample;
    if (std::abs(sample) >= options_.clipped_level) ++at_full_scale_;
    if (++block_samples_ == kBlockSamples) finish_block();
  }
}

void SoundHealth::tick(base::MediaTime now) {
  if (!heard_until_ || heard_until_->epoch != now.epoch) {
    heard_until_ = now;
    return;
  }
  const auto quiet = now.t - heard_until_->t;
  if (quiet < std::max(options_.absent_after, std::chrono::nanoseconds(1))) return;
  const double seconds = std::chrono::duration<double>(quiet).count();
  report(Condition::kSoundAbsent, absent_, *heard_until_, now, true, seconds);
}

void SoundHealth::begin_block(base::MediaTime start) {
  block_start_ = start;
  block_samples_ = 0;
  sum_ = sum_of_squares_ = 0.0;
  at_full_scale_ = 0;
}

void SoundHealth::finish_block() {
  const double mean = sum_ / kBlockSamples;
  const double power = std::max(0.0, sum_of_squares_ / kBlockSamples - mean * mean);
  level_dbfs_ = power > 0.0 ? std::max(kFloorDbfs, static_cast<float>(10.0 * std::log10(power))) : kFloorDbfs;
  const double clipped = static_cast<double>(at_full_scale_) / kBlockSamples;
  const base::MediaTime start = block_start_;
  const base::MediaTime end{start.epoch, start.t + duration_of(kBlockSamples)};
  const float silent_below = options_.silent_dbfs + (silent_.active() ? kSilentMarginDb : 0.0F);
  report(Condition::kSoundSilent, silent_, start, end, level_dbfs_ < silent_below,
         static_cast<double>(level_dbfs_));
  const double clipped_above = static_cast<double>(options_.clipped_share) * (clipped_.active() ? 0.5 : 1.0);
  report(Condition::kSoundClipped, clipped_, start, end, clipped > clipped_above, clipped);
  begin_block(end);
}

void SoundHealth::report(Condition condition, Debounce& debounce, base::MediaTime start, base::MediaTime end,
                         bool holds, double measured) {
  if (const auto since = debounce.update(start, end, holds)) sink_({condition, holds, *since, measured});
}

}  // namespace vedette::signals
