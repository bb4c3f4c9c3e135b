#include "models/language/sampling.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <stdexcept>

namespace vedette::models::language {
namespace {

constexpr std::array kLogits{0.0F, 2.0F, 1.0F, -1.0F, 2.0F};

TEST(Sampler, ZeroTemperatureTakesTheLikeliestFirst) {
  Sampler sampler({}, 5);
  EXPECT_EQ(sampler.next(kLogits), 1);
  EXPECT_EQ(greedy_token(kLogits), 1);
}

TEST(Sampler, DrawsByProbability) {
  Sampler sampler({.temperature = 1.0F, .seed = 7}, 5);
  std::array<int, 5> counts{};
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(sampler.next(kLogits))];
  double total = 0.0;
  for (const float logit : kLogits) total += std::exp(static_cast<double>(logit));
  for (std::size_t i = 0; i < kLogits.size(); ++i) {
    EXPECT_NEAR(counts[i] / static_cast<double>(kDraws), std::exp(static_cast<double>(kLogits[i])) / total,
                0.015)
        << i;
  }
}

TEST(Sampler, TopPKeepsTheShortestRunThatReachesIt) {
  // Probabilities 0.38, 0.38, 0.14, 0.05, 0.05: 0.7 needs the first two only.
  Sampler sampler({.temperature = 1.0F, .top_p = 0.7F, .seed = 1}, 5);
  for (int i = 0; i < 500; ++i) {
    const std::int32_t token = sampler.next(kLogits);
    EXPECT_TRUE(token == 1 || token == 4) << token;
  }
}

TEST(Sampler, EqualSeedsDrawEqualTokens) {
  Sampler a({.temperature = 0.8F, .seed = 3}, 5), b({.temperature = 0.8F, .seed = 3}, 5),
      c({.temperature = 0.8F, .seed = 4}, 5);
  int differing = 0;
  for (int i = 0; i < 100; ++i) {
    const std::int32_t token = a.next(kLogits);
    EXPECT_EQ(token, b.next(kLogits));
    differing += token == c.next(kLogits) ? 0 : 1;
  }
  EXPECT_GT(differing, 0);
}

TEST(Sampler, MaskedTokensNeverCome) {
  Sampler sampler({.temperature = 5.0F, .seed = 2}, 3);
  const std::array logits{-INFINITY, 0.5F, -INFINITY};
  for (int i = 0; i < 50; ++i) EXPECT_EQ(sampler.next(logits), 1);
}

TEST(Sampler, RefusesOptionsThatMeanNothing) {
  EXPECT_THROW(Sampler({.temperature = -1.0F}, 5), std::invalid_argument);
  EXPECT_THROW(Sampler({.temperature = NAN}, 5), std::invalid_argument);
  EXPECT_THROW(Sampler({.top_p = 0.0F}, 5), std::invalid_argument);
  EXPECT_THROW(Sampler({.top_p = 1.5F}, 5), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::language
