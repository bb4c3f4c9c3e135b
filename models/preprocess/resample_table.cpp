#include "models/preprocess/resample_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vedette::models::preprocess {

namespace {

constexpr int kLanes = 32;          // weights are padded to this many
constexpr int kMostPrecision = 22;  // ATen's limit

double support_of(Filter filter) {
  switch (filter) {
    case Filter::kNearest: return 0.5;
    case Filter::kBilinear: return 1.0;
    case Filter::kBicubic: return 2.0;
    case Filter::kLanczos: return 3.0;
  }
  return 1.0;
}

double sinc(double x) {
  return x == 0.0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

double weight_of(Filter filter, double x) {
  x = std::abs(x);
  switch (filter) {
    case Filter::kNearest: return 1.0;
    case Filter::kBilinear: return std::max(0.0, 1.0 - x);
    case Filter::kBicubic: {
      constexpr double a = -0.5;
      if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
      return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
    }
    case Filter::kLanczos: return x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
  }
  return 0.0;
}

// As many bits as leave the greatest weight below 2^15 (ATen, UpSampleKernel.cpp).
int precision_for(double greatest) {
  int precision = 0;
  while (precision < kMostPrecision && static_cast<int>(0.5 + greatest * (1 << (precision + 1))) < (1 << 15))
    ++precision;
  return precision;
}

// The first sample of an output and the weights of those that follow.
std::pair<int, std::vector<double>> weigh(Filter filter, const Axis& axis, int output) {
  const int samples = axis.samples > 0 ? axis.samples : axis.from;
  const double scale = static_cast<double>(axis.from) / axis.to * axis.step;
  const double centre = scale * (output + 0.5) + axis.shift;
  if (filter == Filter::kNearest) {
    return {std::clamp(static_cast<int>(scale * output + axis.shift), 0, samples - 1), {1.0}};
  }
  const double widening = std::max(scale, 1.0), support = support_of(filter) * widening;
  const int first = std::clamp(static_cast<int>(centre - support + 0.5), 0, samples - 1);
  const int end = std::clamp(static_cast<int>(centre + support + 0.5), first + 1, samples);
  std::vector<double> weights;
  double sum = 0.0;
  for (int i = first; i < end; ++i) {
    weights.push_back(weight_of(filter, (i - centre + 0.5) / widening));
    sum += weights.back();
  }
  if (sum == 0.0) weights.front() = sum = 1.0;
  for (double& weight : weights) weight /= sum;
  return {first, std::move(weights)};
}

}  // namespace

int ResampleTable::first_sample() const {
  return *std::min_element(first.begin(), first.end());
}

int ResampleTable::end_sample() const {
  int end = 0;
  for (std::size_t i = 0; i < first.size(); ++i) end = std::max(end, first[i] + taps[i]);
  return end;
}

ResampleTable make_resample_table(Filter filter, const Axis& axis) {
  ResampleTable table;
  table.outputs = axis.count;
  std::vector<std::vector<double>> all;
  double greatest = 0.0;
  std::size_t longest = 1;
  // The precision follows from the whole axis, also where only a window of it is wanted.
  for (int output = 0; output < axis.to; ++output) {
    auto [first, weights] = weigh(filter, axis, output);
    greatest = std::max(greatest, *std::max_element(weights.begin(), weights.end()));
    if (output < axis.first || output >= axis.first + axis.count) continue;
    longest = std::max(longest, weights.size());
    table.first.push_back(first);
    table.taps.push_back(static_cast<int>(weights.size()));
    all.push_back(std::move(weights));
  }
  table.precision = precision_for(greatest);
  table.stride = table.reach = (static_cast<int>(longest) + kLanes - 1) / kLanes * kLanes;
  const std::size_t values = all.size() * static_cast<std::size_t>(table.stride);
  table.weights.assign(values, 0);
  table.factors.assign(values, 0.0F);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t tap = 0; tap < all[i].size(); ++tap) {
      const std::size_t at = i * static_cast<std::size_t>(table.stride) + tap;
      const double scaled = all[i][tap] * (1 << table.precision);
      table.weights[at] = static_cast<std::int16_t>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
      table.factors[at] = static_cast<float>(all[i][tap]);
    }
  }
  return table;
}

}  // namespace vedette::models::preprocess
