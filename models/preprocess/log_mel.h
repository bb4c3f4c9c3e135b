#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace vedette::models::backend {
class WorkerPool;
}

namespace vedette::models::preprocess {

// Whisper's constants (Radford et al. 2022): windows of 25 ms every 10 ms at 16 kHz, of at most 30 s.
struct LogMelSpec {
  int mels = 80;  // 80, or 128 from large-v3 on
  int sample_rate_hz = 16000;
  int fft_size = 400;  // samples of one Hann window
  int hop = 160;       // samples between windows
  int frames = 3000;   // columns of the result; the window is padded with zero samples to frames * hop
};

// The mel filter bank [mels, fft_size / 2 + 1] f32, triangles on Slaney's mel scale, each of equal energy,
// from 0 Hz to half the sample rate.
std::vector<float> slaney_mel_filters(const LogMelSpec& spec);

// Samples to Whisper's log-mel picture. Immutable once built: any thread may compute, several at once.
class LogMel {
 public:
  // Throws: std::invalid_argument for sizes that make no sense.
  explicit LogMel(const LogMelSpec& spec);
  ~LogMel();

  const LogMelSpec& spec() const { return spec_; }

  // `samples` are mono at the spec's rate, in [-1, 1]; past frames * hop they are not looked at. `out` is
  // [mels, frames] f32. Allocates nothing. Requires: out has that size.
  void compute(backend::WorkerPool& pool, std::span<const float> samples, std::span<float> out) const;

 private:
  struct Plan;
  struct Filter {  // the part of one mel's triangle that is not zero
    int first = 0;
    std::vector<float> weights;
  };

  void power_pair(std::span<const float> samples, int frame, std::span<float> out) const;

  LogMelSpec spec_;
  std::vector<float> window_;  // [fft_size]
  std::vector<Filter> filters_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace vedette::models::preprocess
