#include <chrono>
#include <cmath>

#include "models/audio/speech_decoding.h"
#include "models/audio/speech_model.h"
#include "models/runtime/family.h"

namespace vedette::models::runtime {

namespace {

constexpr int kTokens = 64;  // decoded per window
constexpr int kSampleRateHz = 16000;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// A whole window of a tone that wavers: every stage has as much to do as with speech.
std::vector<float> made_up_sound(std::size_t samples) {
  std::vector<float> sound(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const auto t = static_cast<float>(i) / kSampleRateHz;
    sound[i] = 0.2F * std::sin(900.0F * t + 40.0F * std::sin(3.0F * t));
  }
  return sound;
}

// Milliseconds per step of `windows` decodings of kTokens tokens each.
double decode(backend::ComputeContext& context, audio::SpeechBatch& batch,
              std::span<audio::SpeechDecoding> windows, const tensor::TensorView& features) {
  std::vector<audio::SpeechDecoding*> pointers;
  for (audio::SpeechDecoding& window : windows) {
    window.start(features, std::chrono::seconds(30), "");
    pointers.push_back(&window);
  }
  batch.step(context, pointers);  // keys and values of the window, and the prompt
  const auto start = std::chrono::steady_clock::now();
  int steps = 0;
  while (!windows.front().finished()) {
    batch.step(context, pointers);
    ++steps;
  }
  return milliseconds_since(start) / std::max(1, steps);
}

}  // namespace

std::vector<BenchResult> bench_whisper(const BenchJob& job) {
  const audio::SpeechModel model(job.context, job.folder);
  const std::int64_t frames = model.audio_context();
  const std::vector<float> sound = made_up_sound(static_cast<std::size_t>(frames) * kSampleRateHz / 50);
  const std::span<const float> window(sound);
  const tensor::Tensor features(tensor::DType::kF32, {frames, model.config().sizes.hidden});
  std::vector<float> mel(static_cast<std::size_t>(2 * frames * model.config().sizes.mels));

  std::vector<double> mels, encodings;
  for (int repeat = 0; repeat <= job.repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    model.log_mel().compute(job.context.pool(), sound, mel);
    const double mel_ms = milliseconds_since(start);
    const auto encoding = std::chrono::steady_clock::now();
    model.encode(job.context, {&window, 1}, features.view());
    job.context.synchronize();
    if (repeat == 0) continue;  // the first warms up
    mels.push_back(mel_ms);
    encodings.push_back(std::max(0.0, milliseconds_since(encoding) - mel_ms));
  }
  std::vector<BenchResult> results{summarise("log-mel", mels, "ms"), summarise("encoder", encodings, "ms")};

  // Plain greedy decoding; where a text ends early, its steps count as they are.
  audio::SpeechOptions options;
  options.attempts = 1;
  options.word_times = false;
  options.timestamps = false;
  options.max_new_tokens = kTokens;
  audio::SpeechBatch batch(model);
  for (const int count : {1, 4, 8}) {
    std::vector<audio::SpeechDecoding> windows;
    for (int i = 0; i < count; ++i) windows.emplace_back(job.context, model, options);
    std::vector<double> samples;
    for (int repeat = 0; repeat <= job.repeats; ++repeat) {
      const double step = decode(job.context, batch, windows, features.view());
      if (repeat > 0) samples.push_back(step);
    }
    results.push_back(summarise("decode step, batch " + std::to_string(count), samples, "ms"));
  }
  return results;
}

}  // namespace vedette::models::runtime
