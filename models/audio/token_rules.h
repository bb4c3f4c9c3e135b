#pragma once

#include <cstdint>
#include <span>

#include "models/audio/whisper_config.h"

namespace vedette::models::audio {

// Which tokens may come next. Works on logits or log-probabilities of one hypothesis, [vocabulary] f32; what
// may not come becomes minus infinity. Pure functions of their arguments.
class TokenRules {
 public:
  // The tokens must outlive the rules. `timestamps`: false for decoding without timestamp tokens.
  TokenRules(const WhisperTokens& tokens, bool timestamps) : tokens_(tokens), timestamps_(timestamps) {}

  // Suppressed tokens, and the order that timestamps keep: first of all, in pairs (but for the last one,
  // before the end), and never backwards. `generated` is what came after the prompt.
  void mask(std::span<const std::int32_t> generated, std::span<float> scores) const;

  // Where the timestamps together are likelier than any text token, the text is masked as well. Needs scores
  // that mask() has been through. Result: true when text was masked.
  bool prefer_timestamps(std::span<float> scores) const;
  // The timestamps' scores, to normalise what is left when text was masked.
  std::span<const float> timestamps(std::span<const float> scores) const;

 private:
  void mask_timestamps(std::span<const std::int32_t> generated, std::span<float> scores) const;

  const WhisperTokens& tokens_;
  bool timestamps_;
};

// Index of the greatest score, the first of equals.
std::int32_t argmax(std::span<const float> scores);
// log of the sum of the exponentials; minus infinity when all are masked.
float log_sum_exp(std::span<const float> scores);

}  // namespace vedette::models::audio
