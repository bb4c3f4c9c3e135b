#include "daemon/narration/words.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vedette::daemon::narration {

namespace {

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

std::string_view without_closers(std::string_view word) {
  constexpr std::array<std::string_view, 7> kClosers = {"\"", "'", ")", "]", " ", "\u201d", "\u2019"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view closer : kClosers) {
      if (word.ends_with(closer)) {
        word.remove_suffix(closer.size());
        again = true;
      }
    }
  }
  return word;
}

}  // namespace

std::vector<TimedWord> words_of(const models::audio::Transcript& transcript, std::chrono::nanoseconds start) {
  std::vector<TimedWord> words;
  if (transcript.rejected) return words;
  for (const auto& segment : transcript.segments) {
    if (segment.words.empty() && !normalised(segment.text).empty()) {
      words.push_back({segment.text, start + segment.start, start + segment.end,
                       std::exp(transcript.mean_log_probability)});
    }
    for (const auto& word : segment.words) {
      if (normalised(word.text).empty()) {
        if (!words.empty()) words.back().text += word.text;
        continue;
      }
      words.push_back({word.text, start + word.start, start + word.end, word.probability});
    }
  }
  return words;
}

std::string normalised(std::string_view word) {
  const auto first = std::find_if(word.begin(), word.end(), is_word_byte);
  const auto last = std::find_if(word.rbegin(), word.rend(), is_word_byte).base();
  std::string result;
  for (auto at = first; at < last; ++at) {
    result += *at >= 'A' && *at <= 'Z' ? static_cast<char>(*at - 'A' + 'a') : *at;
  }
  return result;
}

bool ends_sentence(std::string_view word) {
  const std::string_view bare = without_closers(word);
  constexpr std::array<std::string_view, 7> kEnds = {".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u2026"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [bare](std::string_view end) { return bare.ends_with(end); });
}

bool ends_clause(std::string_view word) {
  const std::string_view bare = without_closers(word);
  constexpr std::array<std::string_view, 6> kEnds = {",", ";", ":", "\u2014", "\u2013", "\uff0c"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [bare](std::string_view end) { return bare.ends_with(end); });
}

std::string joined(const std::vector<TimedWord>& words) {
  std::string text;
  for (const TimedWord& word : words) text += word.text;
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

}  // namespace vedette::daemon::narration
