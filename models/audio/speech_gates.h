#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "models/audio/speech_options.h"
#include "models/audio/transcript.h"

namespace vedette::models::audio {

// How well a text compresses: its bytes over those of its zlib form. Keeps zlib's state, so that a
// measurement allocates nothing. Not thread-safe.
class CompressionGauge {
 public:
  CompressionGauge();
  ~CompressionGauge();
  CompressionGauge(CompressionGauge&&) noexcept;
  CompressionGauge& operator=(CompressionGauge&&) noexcept;

  float ratio(std::string_view text);  // 0 for no text

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// Whether the text goes round in circles, as the decoder does on noise, tones and music: the same few words
// over and over, or one letter held ("AHHHH"). Short texts that a person may well say ("no, no, no") are
// none.
bool repeats_itself(std::string_view text);

// What the gates make of one decoded attempt.
enum class Verdict : std::uint8_t { kKeep, kRetry, kNoSpeech };

// `text` is the attempt's, the figures those of its transcript. kRetry asks for the next temperature.
Verdict judge(const SpeechOptions& options, const Transcript& attempt, std::string_view text);

// Fills in `rejected` and its reason for the attempt that was kept in the end.
void reject_if_no_speech(const SpeechOptions& options, std::string_view text, Transcript& transcript);

}  // namespace vedette::models::audio
