#include "models/preprocess/log_mel.h"

#include <kiss_fft.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <stdexcept>
#include <string>

#include "models/backend/worker_pool.h"

namespace vedette::models::preprocess {
namespace {

constexpr int kMaxFftSize = 512;
constexpr float kFloor = 1e-10F;       // power below this is silence
constexpr float kDynamicRange = 8.0F;  // decades kept below the loudest point

// Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998).
double hertz_to_mel(double hertz) {
  return hertz < 1000.0 ? 3.0 * hertz / 200.0 : 15.0 + std::log(hertz / 1000.0) * (27.0 / std::log(6.4));
}

double mel_to_hertz(double mel) {
  return mel < 15.0 ? 200.0 * mel / 3.0 : 1000.0 * std::exp(std::log(6.4) / 27.0 * (mel - 15.0));
}

void check(const LogMelSpec& spec) {
  const bool sizes =
      spec.mels > 0 && spec.mels <= 1024 && spec.hop > 0 && spec.frames > 0 && spec.sample_rate_hz > 0;
  const bool fft = spec.fft_size >= 4 && spec.fft_size <= kMaxFftSize && spec.fft_size % 2 == 0;
  if (!sizes || !fft || spec.frames > (1 << 20) || spec.fft_size / 2 >= spec.frames * spec.hop) {
    throw std::invalid_argument("log-mel: no such picture: " + std::to_string(spec.mels) + " mels, " +
                                std::to_string(spec.frames) + " frames, fft " +
                                std::to_string(spec.fft_size) + ", hop " + std::to_string(spec.hop));
  }
}

// Sample `index` of the signal reflected at its two ends, without repeating the end itself.
float reflected(std::span<const float> samples, std::int64_t index, std::int64_t length) {
  if (index < 0) index = -index;
  if (index >= length) index = 2 * (length - 1) - index;
  return index < static_cast<std::int64_t>(samples.size()) ? samples[static_cast<std::size_t>(index)] : 0.0F;
}

}  // namespace

struct LogMel::Plan {
  struct Free {
    void operator()(kiss_fft_state* state) const { std::free(state); }  // kiss_fft_alloc is malloc
  };
  std::unique_ptr<kiss_fft_state, Free> fft;
};

std::vector<float> slaney_mel_filters(const LogMelSpec& spec) {
  check(spec);
  const int bins = spec.fft_size / 2 + 1;
  const double nyquist = spec.sample_rate_hz / 2.0;
  std::vector<double> corner(static_cast<std::size_t>(spec.mels) + 2);
  for (std::size_t i = 0; i < corner.size(); ++i) {
    corner[i] = mel_to_hertz(hertz_to_mel(nyquist) * static_cast<double>(i) / (spec.mels + 1));
  }
  std::vector<float> filters(static_cast<std::size_t>(spec.mels) * static_cast<std::size_t>(bins));
  for (std::size_t m = 0; m < static_cast<std::size_t>(spec.mels); ++m) {
    const double energy = 2.0 / (corner[m + 2] - corner[m]);
    for (int b = 0; b < bins; ++b) {
      const double hertz = nyquist * b / (bins - 1);
      const double up = (hertz - corner[m]) / (corner[m + 1] - corner[m]);
      const double down = (corner[m + 2] - hertz) / (corner[m + 2] - corner[m + 1]);
      filters[m * static_cast<std::size_t>(bins) + static_cast<std::size_t>(b)] =
          static_cast<float>(std::max(0.0, std::min(up, down)) * energy);
    }
  }
  return filters;
}

LogMel::LogMel(const LogMelSpec& spec) : spec_(spec), plan_(std::make_unique<Plan>()) {
  const std::vector<float> dense = slaney_mel_filters(spec);
  const int n = spec.fft_size;
  for (int i = 0; i < n; ++i) {
    window_.push_back(static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * i / n)));
  }
  const auto bins = static_cast<std::size_t>(n / 2 + 1);
  for (std::size_t m = 0; m < static_cast<std::size_t>(spec.mels); ++m) {
    const std::span row(dense.data() + m * bins, bins);
    const auto used = [](float w) { return w != 0.0F; };
    const auto first = std::find_if(row.begin(), row.end(), used);
    const auto last = std::find_if(row.rbegin(), row.rend(), used).base();
    Filter filter;
    if (first < last) filter = {static_cast<int>(first - row.begin()), {first, last}};
    filters_.push_back(std::move(filter));
  }
  plan_->fft.reset(kiss_fft_alloc(n, 0, nullptr, nullptr));
  if (!plan_->fft) throw std::bad_alloc();
}

LogMel::~LogMel() = default;

// Two real frames go through one complex transform: a in the real part, b in the imaginary one.
void LogMel::power_pair(std::span<const float> samples, int frame, std::span<float> out) const {
  const int n = spec_.fft_size;
  const std::int64_t length = static_cast<std::int64_t>(spec_.frames) * spec_.hop;
  const bool pair = frame + 1 < spec_.frames;
  std::array<kiss_fft_cpx, kMaxFftSize> in{};
  std::array<kiss_fft_cpx, kMaxFftSize> spectrum{};
  const std::int64_t begin = static_cast<std::int64_t>(frame) * spec_.hop - n / 2;
  const bool inside = begin >= 0 && begin + n + spec_.hop <= static_cast<std::int64_t>(samples.size());
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const std::int64_t at = begin + i;
    const float a = inside ? samples[static_cast<std::size_t>(at)] : reflected(samples, at, length);
    const float b = inside ? samples[static_cast<std::size_t>(at + spec_.hop)]
                           : (pair ? reflected(samples, at + spec_.hop, length) : 0.0F);
    in[k] = {a * window_[k], b * window_[k]};
  }
  kiss_fft(plan_->fft.get(), in.data(), spectrum.data());

  std::array<float, kMaxFftSize / 2 + 1> power_a;
  std::array<float, kMaxFftSize / 2 + 1> power_b;
  for (int k = 0; k <= n / 2; ++k) {
    const kiss_fft_cpx z = spectrum[static_cast<std::size_t>(k)];
    const kiss_fft_cpx m = spectrum[static_cast<std::size_t>(k == 0 ? 0 : n - k)];
    const float ar = 0.5F * (z.r + m.r), ai = 0.5F * (z.i - m.i);
    const float br = 0.5F * (z.i + m.i), bi = 0.5F * (m.r - z.r);
    power_a[static_cast<std::size_t>(k)] = ar * ar + ai * ai;
    power_b[static_cast<std::size_t>(k)] = br * br + bi * bi;
  }
  for (std::size_t m = 0; m < filters_.size(); ++m) {
    const Filter& filter = filters_[m];
    float a = 0.0F, b = 0.0F;
    for (std::size_t w = 0; w < filter.weights.size(); ++w) {
      const std::size_t bin = static_cast<std::size_t>(filter.first) + w;
      a += filter.weights[w] * power_a[bin];
      b += filter.weights[w] * power_b[bin];
    }
    float* row = out.data() + m * static_cast<std::size_t>(spec_.frames) + frame;
    row[0] = std::log10(std::max(a, kFloor));
    if (pair) row[1] = std::log10(std::max(b, kFloor));
  }
}

void LogMel::compute(backend::WorkerPool& pool, std::span<const float> samples, std::span<float> out) const {
  if (out.size() != static_cast<std::size_t>(spec_.mels) * static_cast<std::size_t>(spec_.frames)) {
    throw std::invalid_argument("log-mel: expected room for " + std::to_string(spec_.mels) + " x " +
                                std::to_string(spec_.frames) + " values, received " +
                                std::to_string(out.size()));
  }
  const std::size_t length = static_cast<std::size_t>(spec_.frames) * static_cast<std::size_t>(spec_.hop);
  samples = samples.first(std::min(samples.size(), length));
  // Frames that see nothing but the padding are silence; at the far end the reflection reaches back into the
  // samples.
  const auto last_heard = static_cast<int>((samples.size() + static_cast<std::size_t>(spec_.fft_size / 2)) /
                                           static_cast<std::size_t>(spec_.hop));
  const bool reflects = samples.size() + static_cast<std::size_t>(spec_.fft_size) > length;
  const int heard = reflects ? spec_.frames : std::min(spec_.frames, last_heard + 1);
  for (int m = 0; m < spec_.mels; ++m) {
    float* row = out.data() + static_cast<std::size_t>(m) * static_cast<std::size_t>(spec_.frames);
    std::fill(row + heard, row + spec_.frames, std::log10(kFloor));
  }
  pool.parallel_for((heard + 1) / 2, 32, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t pair = first; pair < last; ++pair) power_pair(samples, static_cast<int>(2 * pair), out);
  });
  const float least = *std::max_element(out.begin(), out.end()) - kDynamicRange;
  for (float& value : out) value = (std::max(value, least) + 4.0F) / 4.0F;
}

}  // namespace vedette::models::preprocess
