#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace vedette::models::audio {

// One word with its time inside the decoded window, by cross-attention alignment.
struct Word {
  std::string text;  // as the tokenizer gives it, with its leading space and its punctuation
  std::chrono::nanoseconds start{0}, end{0};  // from the window's first sample
  float probability = 0.0F;                   // mean over the word's tokens
};

// A stretch between two timestamp tokens (or the whole window when decoding without timestamps).
struct Segment {
  std::chrono::nanoseconds start{0}, end{0};
  std::string text;
  std::vector<std::int32_t> tokens;  // text tokens, no timestamps
  std::vector<Word> words;           // empty unless word times were asked for
};

// What one pass of Whisper's decoder over one window gave.
struct Transcript {
  std::vector<Segment> segments;
  std::vector<std::int32_t> tokens;  // everything generated, timestamps included, without the prompt
  // Of the window, what is dealt with: the next window of a longer recording begins here (settled_length).
  std::chrono::nanoseconds settled{0};
  float mean_log_probability = 0.0F;   // over the generated tokens, end token included
  float no_speech_probability = 0.0F;  // softmax at the start token over raw logits
  float compression_ratio = 0.0F;      // bytes of text / bytes after zlib
  float temperature = 0.0F;            // that of the attempt which was kept
  bool rejected = false;               // a gate says: this is no speech (then the segments are empty)
  const char* reject_reason = "";      // "no_speech", "repetition", "compression", "low_probability"
};

}  // namespace vedette::models::audio
