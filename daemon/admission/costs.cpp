#include "daemon/admission/costs.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <future>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/narration/stream_narration.h"

namespace vedette::daemon::admission {

namespace {

using namespace std::chrono_literals;
namespace runtime = models::runtime;

constexpr auto kEnough = 150ms;  // for the runs of one kind of work, of which the cheapest counts
constexpr int kRuns = 3;         // at most; the first finds plans and caches cold

// Processor seconds of this process so far. Unlike the time that passes they say the same when others work on
// the machine too.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

// Seconds of all cores that a piece of work takes. `begin` starts it and tells when it is done; what is still
// under way after a while is let go.
template <class Begin>
double cost_of(std::chrono::nanoseconds longest, const Begin& begin) {
  const auto start = std::chrono::steady_clock::now();
  double best = std::numeric_limits<double>::max();
  for (int run = 0; run < kRuns && std::chrono::steady_clock::now() - start < kEnough; ++run) {
    auto done = std::make_shared<std::promise<void>>();
    const std::future<void> ended = done->get_future();
    const double before = processor_seconds();
    begin([done] { done->set_value(); });
    ended.wait_for(longest);
    best = std::min(best, (processor_seconds() - before) / cores());
  }
  return std::max(best, 1e-6);
}

// 640x360 of noise.
runtime::ImageFrame noise_picture() {
  constexpr int kWidth = 640, kHeight = 360;
  auto pixels = std::make_shared<std::vector<std::uint8_t>>(3U * kWidth * kHeight);
  std::minstd_rand random(1);
  for (auto& value : *pixels) value = static_cast<std::uint8_t>(random() >> 8);
  runtime::ImageFrame frame;
  frame.view.format = models::preprocess::PixelFormat::kRgb;
  frame.view.width = kWidth;
  frame.view.height = kHeight;
  frame.view.planes[0] = *pixels;
  frame.view.strides[0] = 3 * kWidth;
  frame.owner = std::move(pixels);
  return frame;
}

double picture_cost(runtime::Runtime& models, std::chrono::nanoseconds longest) {
  if (!models.can_see()) return 0;
  return cost_of(longest, [&](auto done) {
    models.seeing().submit(noise_picture(), [done](const runtime::EncodedImage&) { done(); });
  });
}

// Every second a window of the last seconds is encoded and made words of.
double sound_cost(runtime::Runtime& models, std::chrono::nanoseconds longest) {
  if (!models.can_hear()) return 0;
  static constexpr std::size_t kWindowSeconds = 6, kRateHz = 16000;
  runtime::AudioWindow window;
  std::minstd_rand random(2);
  for (std::size_t i = 0; i < kWindowSeconds * kRateHz; ++i)
    window.samples.push_back(static_cast<float>(random() % 2000) * 1e-4F - 0.1F);
  return cost_of(longest, [&](auto done) {
    models.hearing().submit(window, [&models, done](runtime::EncodedAudio encoded) {
      if (encoded.error) return done();
      runtime::SpeechRequest request;
      request.features = std::move(encoded.features);
      request.audio_length = std::chrono::seconds(kWindowSeconds);
      request.options = narration::live_speech();
      request.options.max_new_tokens = 32;  // more than is said in that time
      models.engine().submit(std::move(request), [done](const runtime::SpeechResult&) { done(); });
    });
  });
}

std::vector<std::int32_t> some_tokens(runtime::Runtime& models, std::size_t count) {
  std::vector<std::int32_t> tokens, once = models.think_tokenizer().encode("A person walks by the gate. ");
  while (tokens.size() < count) tokens.insert(tokens.end(), once.begin(), once.end());
  tokens.resize(count);
  return tokens;
}

double caption_cost(runtime::Runtime& models, std::chrono::nanoseconds longest) {
  if (!models.can_think()) return 0;
  constexpr std::size_t kPrompt = 160;  // the facts and the picture of some seconds
  return cost_of(longest, [&](auto done) {
    runtime::TextRequest request;
    request.prompt = some_tokens(models, kPrompt);
    request.max_new_tokens = 20;
    runtime::TextCallbacks callbacks;
    callbacks.on_finished = [done](const runtime::TextResult&) { done(); };
    models.engine().submit(std::move(request), std::move(callbacks));
  });
}

double check_cost(runtime::Runtime& models, std::chrono::nanoseconds longest) {
  if (!models.can_think()) return 0;
  constexpr std::size_t kPrompt = 60;
  return cost_of(longest, [&](auto done) {
    runtime::ScoreRequest request;
    request.prompt = some_tokens(models, kPrompt);
    request.choices = {{some_tokens(models, 1)[0]}, {some_tokens(models, 2)[1]}};
    models.engine().submit(std::move(request), [done](const runtime::ScoreResult&) { done(); });
  });
}

}  // namespace

Costs measure_costs(runtime::Runtime& models, std::chrono::nanoseconds longest) {
  Costs costs;
  costs.picture = picture_cost(models, longest);
  costs.sound_second = sound_cost(models, longest);
  costs.caption = caption_cost(models, longest);
  costs.check = check_cost(models, longest);
  return costs;
}

Usage usage_of(runtime::Runtime& models) {
  Usage usage;
  usage.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  usage.processor_seconds = processor_seconds();
  const auto engine = models.engine_statistics();
  usage.stop_seconds[0] = engine.text.busy_seconds + engine.speech.busy_seconds;
  if (models.can_hear()) usage.stop_seconds[1] = models.hearing().statistics().busy_seconds;
  if (models.can_see()) usage.stop_seconds[2] = models.seeing().statistics().busy_seconds;
  return usage;
}

double taken(const Usage& before, const Usage& after) {
  const double wall = after.wall_seconds - before.wall_seconds;
  if (wall <= 0) return 0;
  double most = (after.processor_seconds - before.processor_seconds) / cores();
  for (std::size_t i = 0; i < after.stop_seconds.size(); ++i)
    most = std::max(most, after.stop_seconds[i] - before.stop_seconds[i]);
  return most / wall;
}

}  // namespace vedette::daemon::admission
