#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "models/audio/transcript.h"

namespace vedette::daemon::narration {

// One recognised word, in the running time of its stream's epoch.
struct TimedWord {
  std::string text;  // with its leading space, if any, and its punctuation
  std::chrono::nanoseconds start{0}, end{0};
  float probability = 0.0F;
};

// The words of a pass over the window that begins at `start`; none of a rejected one. Punctuation that stands
// by itself belongs to the word before. A segment without word times stands for one word.
std::vector<TimedWord> words_of(const models::audio::Transcript& transcript, std::chrono::nanoseconds start);

// The word as two passes are compared: lower case, without spaces and outer punctuation. ASCII only is
// folded; other letters are compared as they are.
std::string normalised(std::string_view word);

// True when the word closes a sentence: '.', '!', '?' or their full-width forms, quotes and brackets behind
// them ignored.
bool ends_sentence(std::string_view word);
// True when the word closes a clause: ',', ';', ':' or a dash at its end.
bool ends_clause(std::string_view word);

// The words one behind the other, without leading and trailing spaces.
std::string joined(const std::vector<TimedWord>& words);

}  // namespace vedette::daemon::narration
