#include "daemon/files/captioner.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <span>
#include <stdexcept>
#include <utility>

namespace vedette::daemon::files {

using models::audio::Transcript;
using models::runtime::EncodedAudio;
using models::runtime::FinishReason;
using models::runtime::SpeechRequest;
using models::runtime::SpeechResult;
using std::chrono::nanoseconds;

namespace {

constexpr std::int64_t kRate = MediaReader::kSampleRateHz;
constexpr std::size_t kWindow = 30 * kRate;  // what the model takes
constexpr std::size_t kFrame = kRate / 50;
constexpr std::size_t kWorthHearing = 2 * kRate;    // a rest shorter than this is left as it is
constexpr std::size_t kShortestWindow = kRate / 5;  // less than this at the end holds no word

nanoseconds to_time(std::int64_t samples) {
  return std::chrono::seconds(samples / kRate) + nanoseconds(samples % kRate * 1'000'000'000 / kRate);
}

std::int64_t to_samples(nanoseconds time) {
  return static_cast<std::int64_t>(std::llround(std::chrono::duration<double>(time).count() * double{kRate}));
}

// Index of the first 20 ms that reach the level; the span's size when none does.
std::size_t first_sound(std::span<const float> samples, double dbfs) {
  const double power = std::pow(10.0, dbfs / 10.0);
  for (std::size_t at = 0; at < samples.size(); at += kFrame) {
    const auto frame = samples.subspan(at, std::min(kFrame, samples.size() - at));
    double sum = 0.0;
    for (const float sample : frame) sum += static_cast<double>(sample) * static_cast<double>(sample);
    if (sum >= power * static_cast<double>(frame.size())) return at;
  }
  return samples.size();
}

// The end of the text, from the beginning of a word on.
std::string tail_of(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const auto space = text.find(' ', text.size() - bytes);
  return space == std::string::npos ? std::string() : text.substr(space + 1);
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Captioner::Captioner(models::runtime::Runtime& runtime, const CaptionerOptions& options)
    : runtime_(runtime), options_(options) {}

Transcript Captioner::recognise(std::vector<float> window, std::string previous_text) {
  const nanoseconds length = to_time(static_cast<std::int64_t>(window.size()));
  std::promise<EncodedAudio> encoded_promise;
  runtime_.hearing().submit({.samples = std::move(window)},
                            [&](EncodedAudio encoded) { encoded_promise.set_value(std::move(encoded)); });
  EncodedAudio encoded = encoded_promise.get_future().get();
  if (encoded.error) std::rethrow_exception(encoded.error);
  SpeechRequest request;
  request.features = std::move(encoded.features);
  request.audio_length = length;
  request.previous_text = std::move(previous_text);
  request.options = options_.speech;
  std::promise<SpeechResult> promise;
  runtime_.engine().submit(std::move(request),
                           [&](SpeechResult result) { promise.set_value(std::move(result)); });
  SpeechResult result = promise.get_future().get();
  if (result.error) std::rethrow_exception(result.error);
  if (result.reason != FinishReason::kStop && result.reason != FinishReason::kLength) {
    throw std::runtime_error("speech recognition was shed");
  }
  return std::move(result.transcript);
}

// Where the next window begins. Small models sometimes end the text at a pause, with speech behind it: as
// long as there is sound, what comes after the last segment is heard again.
std::size_t Captioner::settled_samples(const Transcript& transcript, std::span<const float> window) const {
  const auto settled = static_cast<std::size_t>(to_samples(transcript.settled));
  if (settled < window.size() || transcript.segments.empty()) return std::min(settled, window.size());
  const auto end = static_cast<std::size_t>(to_samples(transcript.segments.back().end));
  if (end == 0 || end + kWorthHearing > window.size()) return window.size();
  const std::size_t sound = first_sound(window.subspan(end), options_.silence_dbfs);
  return end + sound + kWorthHearing > window.size() ? window.size() : end;
}

CaptionStats Captioner::run(MediaReader& reader, const std::function<void(Caption)>& give,
                            const std::function<void(nanoseconds)>& progress, std::stop_token stop) {
  CaptionStats stats;
  std::vector<float> held;  // of the file, from sample `first` on
  std::int64_t first = 0;
  bool more = true;
  std::string previous;
  while (!stop.stop_requested()) {
    while (more && held.size() < kWindow) more = reader.read(held);
    const auto drop = [&](std::size_t count) {
      held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(count));
      first += static_cast<std::int64_t>(count);
      if (progress) progress(to_time(first));
    };
    const std::size_t size = std::min(held.size(), kWindow);
    if (size == 0) break;
    // Silence at the window's beginning is left out, but for a little that leads in.
    const std::size_t sound = first_sound({held.data(), size}, options_.silence_dbfs);
    if (sound == size) {
      ++stats.silent;
      drop(size);
      continue;
    }
    if (sound > static_cast<std::size_t>(kRate)) {
      drop(sound - kRate / 2);
      continue;
    }
    ++stats.windows;
    const Transcript transcript = recognise({held.begin(), held.begin() + static_cast<std::ptrdiff_t>(size)},
                                            tail_of(previous, options_.prompt_bytes));
    if (transcript.rejected) ++stats.rejected;
    for (const auto& segment : transcript.segments) {
      if (segment.start >= transcript.settled)
        break;  // it is heard again at the beginning of the next window
      Caption caption;
      caption.start = to_time(first) + segment.start;
      caption.end = to_time(first) + segment.end;
      caption.text = trimmed(segment.text);
      for (models::audio::Word word : segment.words) {
        word.start += to_time(first);
        word.end += to_time(first);
        caption.words.push_back(std::move(word));
      }
      if (caption.text.empty()) continue;
      previous = tail_of(previous + " " + caption.text, options_.prompt_bytes);
      if (give) give(std::move(caption));
    }
    // A window that needed luck to be decoded is no good context for the next one.
    if (transcript.temperature > 0.5F) previous.clear();
    const std::size_t settled = settled_samples(transcript, {held.data(), size});
    drop(settled == 0 || settled + kShortestWindow > size ? size : settled);
  }
  stats.sound = to_time(reader.samples());
  return stats;
}

}  // namespace vedette::daemon::files
