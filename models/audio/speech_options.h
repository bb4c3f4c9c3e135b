#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace vedette::models::audio {

// How one window is decoded. The defaults are those of the published Whisper command, but for the beam:
// greedy.
struct SpeechOptions {
  int beams = 1;                // hypotheses kept by the beam search at temperature 0; 1: greedy
  int best_of = 1;              // samples drawn at a temperature above 0, the likeliest is kept; at least 1
  float length_penalty = 1.0F;  // beam scores are divided by length to this power; 0: not
  std::array<float, 6> temperatures{0.0F, 0.2F, 0.4F,
                                    0.6F, 0.8F, 1.0F};  // tried in order until the gates are content
  int attempts = 6;                 // how many of the temperatures may be tried; 1: no fallback
  bool timestamps = true;           // false: the window is one segment, without timestamp tokens
  bool word_times = true;           // align words with the sound (one more pass over the text)
  int max_new_tokens = 224;         // per attempt; 0: up to the model's text context
  int max_prompt_tokens = 223;      // of the previous text, its end is kept; 0: none
  std::string language;             // multilingual models: "en", "fr", ...; empty: detected per window
  std::string task = "transcribe";  // multilingual models: "transcribe" or "translate"
  std::uint64_t seed = 0;           // of the samples drawn above temperature 0

  // Gates. A window whose no-speech probability is above the first and whose mean log-probability is below
  // the second holds no speech. Compression above `max_compression_ratio` or a mean below
  // `min_log_probability` asks for the next temperature; so does a repetition (models/audio/speech_gates.h),
  // which also rejects in the end.
  float max_no_speech_probability = 0.6F;
  // Nor does one whose no-speech probability is above this, unless its words are likelier than -0.5: noise
  // and silence give " you" at 0.9 and -0.7 to -1.0, speech stays below 0.1. 1: off.
  float certain_no_speech_probability = 0.8F;
  float min_log_probability = -1.0F;
  float max_compression_ratio = 2.4F;

  friend bool operator==(const SpeechOptions&, const SpeechOptions&) = default;
};

}  // namespace vedette::models::audio
