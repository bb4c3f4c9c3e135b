#pragma once

#include <cstdint>
#include <vector>

namespace vedette::models::preprocess {

// The filters of image processors (PIL.Image.Resampling), all antialiased: they widen when a picture shrinks.
// Bicubic is Keys' with a = -0.5, Lanczos has three lobes.
enum class Filter : std::uint8_t { kNearest, kBilinear, kBicubic, kLanczos };

// One axis of a resize: outputs [first, first + count) of `to` samples out of `from`.
struct Axis {
  int from = 1, to = 1;
  int first = 0, count = 1;
  // Where the samples lie: output i has its centre at (i + 0.5) * from / to * step + shift, sample j at
  // j + 0.5. Another step than 1: `samples` of a subsampled plane stand for `from`.
  double step = 1.0, shift = 0.0;
  int samples = 0;  // 0: from
};

// Which samples make an output, and by what weights. Immutable.
struct ResampleTable {
  int outputs = 0;
  int stride = 0;     // weights from one output to the next, a multiple of 32; what is not used is 0
  int precision = 0;  // weights are units of 2^-precision
  int reach = 0;      // samples that a kernel may read past the last one: stride
  std::vector<int> first, taps;       // [outputs]
  std::vector<std::int16_t> weights;  // [outputs, stride], as torchvision rounds them
  std::vector<float> factors;         // the same, unrounded

  int first_sample() const;  // the samples that any output needs: [first_sample, end_sample)
  int end_sample() const;
};

ResampleTable make_resample_table(Filter filter, const Axis& axis);

}  // namespace vedette::models::preprocess
