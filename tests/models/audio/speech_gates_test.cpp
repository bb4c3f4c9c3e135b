#include "models/audio/speech_gates.h"

#include <gtest/gtest.h>

#include <string>

namespace vedette::models::audio {
namespace {

TEST(Compression, IsThatOfZlib) {
  CompressionGauge gauge;
  // len(text) / len(zlib.compress(text)) of Python.
  EXPECT_NEAR(
      gauge.ratio(
          " And so my fellow Americans ask not what your country can do for you ask what you can do for "
          "your country."),
      1.36, 0.01);
  EXPECT_EQ(gauge.ratio(""), 0.0F);
  std::string round;
  for (int i = 0; i < 40; ++i) round += " of the best";
  EXPECT_GT(gauge.ratio(round), 10.0F);
  EXPECT_NEAR(gauge.ratio(" you"), 4.0F / 12.0F, 1e-6F);  // the same state serves again
}

TEST(Repetition, IsSeenInWordsPhrasesAndLetters) {
  EXPECT_TRUE(repeats_itself(" you you you you you"));
  EXPECT_TRUE(repeats_itself(" I'm going, I'm going. I'm going I'm going! I'm going"));
  EXPECT_TRUE(repeats_itself(" AHHHH"));
  EXPECT_TRUE(repeats_itself(" well the best of the best of the best of the best of the best of it"));
}

TEST(Repetition, IsNotWhatPeopleSay) {
  EXPECT_FALSE(repeats_itself(""));
  EXPECT_FALSE(repeats_itself(" No, no, no, no."));
  EXPECT_FALSE(repeats_itself(" testing 1, 2, 3, 4, 5, 5, 4, 3, 2, 1."));
  EXPECT_FALSE(repeats_itself(
      " Press 1 to record your unavailable message. Press 2 to record your busy message. Press 3 to "
      "record your name."));
  EXPECT_FALSE(repeats_itself(" 10000 people off the cliff, hmmmm"));
  EXPECT_FALSE(repeats_itself(
      " And then they all shouted go go go go go until the last one of them was out of the house"));
}

Transcript attempt(float no_speech, float mean) {
  Transcript transcript;
  transcript.no_speech_probability = no_speech;
  transcript.mean_log_probability = mean;
  transcript.compression_ratio = 1.2F;
  return transcript;
}

TEST(Gates, JudgeAnAttempt) {
  const SpeechOptions options;
  EXPECT_EQ(judge(options, attempt(0.02F, -0.3F), " Hello there"), Verdict::kKeep);
  EXPECT_EQ(judge(options, attempt(0.02F, -1.3F), " Hello there"), Verdict::kRetry);
  EXPECT_EQ(judge(options, attempt(0.02F, -0.3F), " no no no no no"), Verdict::kRetry);
  EXPECT_EQ(judge(options, attempt(0.7F, -1.3F), " Hello there"), Verdict::kNoSpeech);
  EXPECT_EQ(judge(options, attempt(0.7F, -0.9F), " Hello there"), Verdict::kKeep);
  // What silence and noise give.
  EXPECT_EQ(judge(options, attempt(0.95F, -0.70F), " you"), Verdict::kNoSpeech);
  EXPECT_EQ(judge(options, attempt(0.92F, -0.99F), " you"), Verdict::kNoSpeech);
}

TEST(Gates, SayWhy) {
  const SpeechOptions options;
  const auto reason = [&](Transcript transcript, const char* text) -> std::string {
    reject_if_no_speech(options, text, transcript);
    EXPECT_EQ(transcript.rejected, *transcript.reject_reason != '\0');
    return transcript.reject_reason;
  };
  EXPECT_EQ(reason(attempt(0.02F, -0.3F), " Hello"), "");
  EXPECT_EQ(reason(attempt(0.95F, -0.7F), " you"), "no_speech");
  EXPECT_EQ(reason(attempt(0.02F, -0.3F), " ."), "no_speech");
  EXPECT_EQ(reason(attempt(0.02F, -1.2F), " Hello"), "low_probability");
  EXPECT_EQ(reason(attempt(0.02F, -0.16F), " AHHHH"), "repetition");
  Transcript pressed = attempt(0.02F, -0.3F);
  pressed.compression_ratio = 3.0F;
  EXPECT_EQ(reason(pressed, " Hello"), "compression");
}

}  // namespace
}  // namespace vedette::models::audio
