#include "models/preprocess/audio_window.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace vedette::models::preprocess {

namespace {

constexpr float kFloorDbfs = -120.0F;
// At the end of the sound: a rest shorter than this holds no word, and one that was in a window already is
// heard again only when it is longer than that.
constexpr std::chrono::milliseconds kShortestWindow{200}, kWorthHearing{2000};

double mean_square(std::span<const float> samples) {
  double sum = 0.0;
  for (const float sample : samples) sum += static_cast<double>(sample) * static_cast<double>(sample);
  return samples.empty() ? 0.0 : sum / static_cast<double>(samples.size());
}

float to_dbfs(double power) {
  return power <= 1e-12 ? kFloorDbfs : std::max(kFloorDbfs, static_cast<float>(10.0 * std::log10(power)));
}

void require(bool holds, const char* option, const char* range, std::int64_t received) {
  if (holds) return;
  throw std::invalid_argument(std::string("audio window: ") + option + " must be " + range + ", not " +
                              std::to_string(received));
}

}  // namespace

AudioWindowPolicy::AudioWindowPolicy(const AudioWindowOptions& options) : options_(options) {
  require(options.sample_rate_hz >= 8000 && options.sample_rate_hz <= 192000, "sample_rate_hz",
          "8000 to 192000", options.sample_rate_hz);
  require(options.longest.count() >= 1000 && options.longest.count() <= 30000, "longest",
          "1 s to 30 s (in ms)", options.longest.count());
  require(options.hop.count() >= 100 && options.hop <= options.longest, "hop", "100 ms to `longest` (in ms)",
          options.hop.count());
  require(options.keep.count() >= 0 && options.keep < options.longest, "keep",
          "shorter than `longest` (in ms)", options.keep.count());
  require(options.lead_in.count() >= 0 && options.lead_in < options.longest, "lead_in",
          "shorter than `longest` (in ms)", options.lead_in.count());
  require(options.remember.count() >= 0, "remember", "0 or longer (in ms)", options.remember.count());
  hop_ = to_samples(options.hop);
  longest_ = to_samples(options.longest);
  keep_ = to_samples(options.keep);
  lead_in_ = to_samples(options.lead_in);
  remember_ = std::min(to_samples(options.remember), longest_ / 2);
  frame_ = options.sample_rate_hz / 50;
  shortest_sound_ = std::max<std::int64_t>(1, to_samples(options.shortest_sound));
  silence_power_ = static_cast<float>(std::pow(10.0, options.silence_dbfs / 10.0));
  held_.reserve(static_cast<std::size_t>(longest_ + hop_));
}

std::chrono::nanoseconds AudioWindowPolicy::to_time(std::int64_t samples) const {
  const std::int64_t rate = options_.sample_rate_hz;
  return std::chrono::seconds(samples / rate) +
         std::chrono::nanoseconds(samples % rate * 1'000'000'000 / rate);
}

std::int64_t AudioWindowPolicy::to_samples(std::chrono::nanoseconds time) const {
  const std::int64_t rate = options_.sample_rate_hz;
  const std::int64_t ns = time.count();
  return ns / 1'000'000'000 * rate + ns % 1'000'000'000 * rate / 1'000'000'000;
}

void AudioWindowPolicy::push(std::span<const float> samples, const Emit& emit) {
  while (!samples.empty()) {
    std::int64_t due = cut_at_ + hop_;
    if (options_.whole) due = std::min(due, start_ + longest_);
    const auto take = std::min<std::size_t>(samples.size(), static_cast<std::size_t>(due - now_));
    held_.insert(held_.end(), samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(take));
    now_ += static_cast<std::int64_t>(take);
    samples = samples.subspan(take);
    if (now_ != due) continue;
    options_.whole ? look_for_sound(emit) : cut(false, emit);
  }
}

void AudioWindowPolicy::push_silence(std::int64_t count, const Emit& emit) {
  constexpr float kZeros[1600] = {};
  while (count > 0) {
    const auto take = std::min<std::int64_t>(count, std::size(kZeros));
    push({kZeros, static_cast<std::size_t>(take)}, emit);
    count -= take;
  }
}

void AudioWindowPolicy::settle(std::chrono::nanoseconds until) {
  move_start(std::min(to_samples(until), cut_at_));
}

void AudioWindowPolicy::finish(const Emit& emit) {
  if (now_ > 0) options_.whole ? finish_whole(emit) : cut(true, emit);
  reset();
}

void AudioWindowPolicy::reset() {
  held_.clear();
  start_ = now_ = cut_at_ = given_until_ = 0;
  sound_end_ = -1;
  quiet_ = confirmed_ = true;
}

void AudioWindowPolicy::move_start(std::int64_t to) {
  if (to <= start_) return;
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(to - start_));
  start_ = to;
}

// True when sound that nobody settled had to leave. The hop that was just taken always stays whole.
bool AudioWindowPolicy::make_room() {
  if (now_ - start_ <= longest_) return false;
  move_start(std::min(now_ - keep_, cut_at_));
  move_start(now_ - longest_);
  return !quiet_;
}

bool AudioWindowPolicy::sounds(std::span<const float> fresh) const {
  std::int64_t sounding = 0;
  while (!fresh.empty()) {
    const auto frame = fresh.first(std::min<std::size_t>(fresh.size(), static_cast<std::size_t>(frame_)));
    if (mean_square(frame) >= static_cast<double>(silence_power_))
      sounding += static_cast<std::int64_t>(frame.size());
    fresh = fresh.subspan(frame.size());
  }
  return sounding >= shortest_sound_;
}

void AudioWindowPolicy::cut(bool last, const Emit& emit) {
  CutWindow window;
  window.moved_on = make_room();
  const std::span<const float> held(held_);
  const auto fresh = held.last(std::min(held.size(), static_cast<std::size_t>(now_ - cut_at_)));
  const bool sound = sounds(fresh);
  window.level_dbfs = to_dbfs(mean_square(fresh));
  // Silence is analysed once after sound: the second pass over the same words is what commits them.
  window.silent = !sound && (quiet_ || confirmed_);
  if (sound) {
    quiet_ = confirmed_ = false;
    sound_end_ = now_;
  } else if (!quiet_) {
    confirmed_ = true;
  }
  window.first = start_;
  window.last = last;
  window.samples = held_;
  cut_at_ = now_;
  // Silence that nothing waits for leaves with the sound before it, but for the lead-in of what may come.
  if (window.silent) {
    quiet_ = true;
    if (sound_end_ < 0 || now_ - sound_end_ > remember_) {
      move_start(now_ - lead_in_);
      sound_end_ = -1;
    }
  }
  emit(std::move(window));
}

// One more hop came, or the window is full.
void AudioWindowPolicy::look_for_sound(const Emit& emit) {
  const bool sound = sounds(
      std::span<const float>(held_).last(std::min(held_.size(), static_cast<std::size_t>(now_ - cut_at_))));
  if (sound && quiet_) {
    quiet_ = false;
    skip_silence();
  }
  if (quiet_) return give_silence(false, emit);
  cut_at_ = now_;
  if (now_ - start_ >= longest_) give_whole(emit);
}

// Gives what is held, which moves the start. What nobody settles was heard all the same.
void AudioWindowPolicy::give_whole(const Emit& emit) {
  CutWindow window;
  window.first = start_;
  window.samples = held_;
  window.level_dbfs = to_dbfs(mean_square(held_));
  cut_at_ = given_until_ = now_;
  const std::int64_t before = start_;
  emit(std::move(window));
  if (start_ == before) move_start(now_);
  quiet_ = !sounds(held_);
  quiet_ ? move_start(now_ - lead_in_) : skip_silence();
}

void AudioWindowPolicy::finish_whole(const Emit& emit) {
  if (now_ > cut_at_) look_for_sound(emit);
  const auto worth = [this] {
    return now_ - start_ >= to_samples(now_ > given_until_ ? kShortestWindow : kWorthHearing);
  };
  while (!quiet_ && worth()) give_whole(emit);
  give_silence(true, emit);
}

void AudioWindowPolicy::give_silence(bool last, const Emit& emit) {
  CutWindow window;
  window.first = start_;
  window.samples = held_;
  window.level_dbfs = to_dbfs(mean_square(held_));
  window.silent = true;
  window.last = last;
  cut_at_ = now_;
  move_start(now_ - lead_in_);
  emit(std::move(window));
}

// Lets the silence go that the window begins with, but for the lead-in.
void AudioWindowPolicy::skip_silence() {
  const std::span<const float> held(held_);
  std::size_t at = 0;
  while (at < held.size()) {
    const auto frame = held.subspan(at, std::min(held.size() - at, static_cast<std::size_t>(frame_)));
    if (mean_square(frame) >= static_cast<double>(silence_power_)) break;
    at += frame.size();
  }
  const auto silent = static_cast<std::int64_t>(at);
  if (silent > 2 * lead_in_) move_start(start_ + silent - lead_in_);
}

}  // namespace vedette::models::preprocess
