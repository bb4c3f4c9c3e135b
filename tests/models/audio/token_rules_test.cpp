#include "models/audio/token_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vedette::models::audio {
namespace {

// Ids 0-9 are text, 10 ends, 11 starts, 12 no timestamps, 13-22 are timestamps.
WhisperTokens tokens() {
  WhisperTokens result;
  result.end = 10;
  result.start = 11;
  result.no_timestamps = 12;
  result.first_timestamp = 13;
  result.suppressed = {4, 11};
  result.begin_suppressed = {7};
  return result;
}

constexpr std::size_t kVocabulary = 23;

std::vector<std::int32_t> allowed(const WhisperTokens& ids, std::vector<std::int32_t> generated,
                                  bool timestamps = true) {
  std::vector<float> scores(kVocabulary, 0.0F);
  TokenRules(ids, timestamps).mask(generated, scores);
  std::vector<std::int32_t> result;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isinf(scores[i])) result.push_back(static_cast<std::int32_t>(i));
  }
  return result;
}

TEST(TokenRules, TheFirstTokenIsATimestampWithinTheLimit) {
  WhisperTokens ids = tokens();
  EXPECT_THAT(allowed(ids, {}), testing::ElementsAre(13, 14, 15, 16, 17, 18, 19, 20, 21, 22));
  ids.max_initial_timestamp = 2;
  EXPECT_THAT(allowed(ids, {}), testing::ElementsAre(13, 14, 15));
}

TEST(TokenRules, AfterTheOpeningTimestampComesText) {
  EXPECT_THAT(allowed(tokens(), {14}), testing::ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 9, 10));
}

TEST(TokenRules, TimeGoesForward) {
  // Text after 14: any later timestamp, not 14 itself again.
  EXPECT_THAT(allowed(tokens(), {14, 1}),
              testing::ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 22));
  // 17 closed a segment: the same one may open the next, or the text ends.
  EXPECT_THAT(allowed(tokens(), {14, 1, 17}), testing::ElementsAre(10, 17, 18, 19, 20, 21, 22));
  // Both stand: text again.
  EXPECT_THAT(allowed(tokens(), {14, 1, 17, 17}), testing::ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 9, 10));
}

TEST(TokenRules, WithoutTimestampsOnlyTheListsCount) {
  EXPECT_THAT(allowed(tokens(), {}, false),
              testing::AllOf(testing::Not(testing::Contains(4)), testing::Not(testing::Contains(7)),
                             testing::Contains(0)));
  EXPECT_THAT(allowed(tokens(), {1}, false), testing::Contains(7));
}

TEST(TokenRules, TimestampsTogetherMayOutweighText) {
  const WhisperTokens ids = tokens();
  const TokenRules rules(ids, true);
  std::vector<float> scores(kVocabulary, -10.0F);
  scores[2] = 0.0F;
  for (std::size_t i = 13; i < kVocabulary; ++i) scores[i] = -3.0F;  // ten of them: log sum is -0.7
  EXPECT_FALSE(rules.prefer_timestamps(scores));
  for (std::size_t i = 13; i < kVocabulary; ++i) scores[i] = -2.0F;  // log sum is 0.3
  EXPECT_TRUE(rules.prefer_timestamps(scores));
  EXPECT_TRUE(std::isinf(scores[2]));
  EXPECT_EQ(argmax(scores), 13);
}

TEST(TokenRules, LogSumExpOfNothingIsNothing) {
  const std::vector<float> masked(5, -INFINITY);
  EXPECT_EQ(log_sum_exp(masked), -INFINITY);
  const std::vector<float> two = {std::log(0.25F), std::log(0.5F)};
  EXPECT_NEAR(log_sum_exp(two), std::log(0.75F), 1e-6);
}

}  // namespace
}  // namespace vedette::models::audio
