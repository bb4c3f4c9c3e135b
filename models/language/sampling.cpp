#include "models/language/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace vedette::models::language {

std::int32_t greedy_token(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Sampler::Sampler(SamplingOptions options, std::int64_t vocabulary)
    : options_(options), random_(options.seed) {
  if (!(options.temperature >= 0.0F) || !std::isfinite(options.temperature)) {
    throw std::invalid_argument("temperature is " + std::to_string(options.temperature) +
                                ", expected 0 or more");
  }
  if (!(options.top_p > 0.0F && options.top_p <= 1.0F)) {
    throw std::invalid_argument("top_p is " + std::to_string(options.top_p) +
                                ", expected above 0, at most 1");
  }
  if (options.temperature == 0.0F) return;
  probabilities_.resize(static_cast<std::size_t>(vocabulary));
  order_.resize(static_cast<std::size_t>(vocabulary));
}

std::int32_t Sampler::next(std::span<const float> logits) {
  if (options_.temperature == 0.0F) return greedy_token(logits);
  const float top = *std::max_element(logits.begin(), logits.end());
  double total = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    probabilities_[i] = std::exp((logits[i] - top) / options_.temperature);
    total += probabilities_[i];
  }
  auto last = order_.begin();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    // What is this unlikely cannot be inside the nucleus of a float's precision; leaving it out keeps sorting
    // cheap.
    if (probabilities_[i] > 1e-7F) *last++ = static_cast<std::int32_t>(i);
  }
  const auto probability = [this](std::int32_t id) {
    return static_cast<double>(probabilities_[static_cast<std::size_t>(id)]);
  };
  std::sort(order_.begin(), last, [&](std::int32_t a, std::int32_t b) {
    return probability(a) != probability(b) ? probability(a) > probability(b) : a < b;
  });
  // Nucleus sampling (Holtzman et al. 2020): the shortest run of the likeliest tokens that reaches top_p.
  double kept = 0.0;
  auto end = order_.begin();
  while (end != last && kept < static_cast<double>(options_.top_p) * total) kept += probability(*end++);
  double draw = std::uniform_real_distribution<double>(0.0, kept)(random_);
  for (auto it = order_.begin(); it != end; ++it) {
    draw -= probability(*it);
    if (draw < 0.0) return *it;
  }
  return *(end - 1);
}

}  // namespace vedette::models::language
