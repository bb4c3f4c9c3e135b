#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace vedette::models::language {

struct SamplingOptions {
  float temperature = 0.0F;  // divides the logits; 0: always the likeliest token
  float top_p = 1.0F;        // draw from the likeliest tokens whose probabilities reach this sum; 1: from all
  std::uint64_t seed = 0;    // the same seed draws the same tokens
};

// Picks the next token of one generation. Allocates at construction only. Not thread-safe.
class Sampler {
 public:
  // Throws: std::invalid_argument for a negative or non-finite temperature, or a top_p outside (0, 1].
  Sampler(SamplingOptions options, std::int64_t vocabulary);

  // logits: [vocabulary] f32. Requires: at least one is finite.
  std::int32_t next(std::span<const float> logits);

 private:
  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<float> probabilities_;
  std::vector<std::int32_t> order_;
};

// The likeliest token, the first of equals. Requires: logits is not empty.
std::int32_t greedy_token(std::span<const float> logits);

}  // namespace vedette::models::language
