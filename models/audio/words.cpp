// Words out of tokens, and the repairs of their times, after openai/whisper's timing.py.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

#include "models/audio/word_times.h"
#include "models/text/tokenizer.h"

namespace vedette::models::audio {
namespace {

constexpr double kLongestMedian = 0.7;     // seconds
constexpr double kSegmentTolerance = 0.5;  // seconds by which a word may reach out of its segment
constexpr std::string_view kOpening = "\"'“¿([{-";
constexpr std::string_view kClosing = "\"'.。,，!！?？:：”)]}、";
constexpr std::string_view kSentenceEnds = ".。!！?？";
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::milliseconds(std::llround(seconds * 1000.0));
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string_view strip(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n\r\f\v");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n\r\f\v") - first + 1);
}

// Whether `text` is a run of the marks, as Python's `in` has it: a substring. Nothing is one, too.
bool among(std::string_view text, std::string_view marks) {
  return marks.find(text) != std::string_view::npos;
}

// How many bytes at the end of `bytes` begin a character that is not finished yet.
std::size_t unfinished(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC2U ? 2 : 1;
    return byte < 0xF5U && length > back ? back : 0;
  }
  return 0;
}

bool without_spaces(std::string_view language) {
  return language == "zh" || language == "ja" || language == "th" || language == "lo" || language == "my" ||
         language == "yue";
}

}  // namespace

std::vector<WordTokens> split_words(const text::Tokenizer& tokenizer, std::span<const std::int32_t> tokens,
                                    std::string_view language) {
  std::vector<WordTokens> words;
  const bool every_character = without_spaces(language);
  std::string piece;
  int count = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    piece += tokenizer.bytes(tokens[i]);
    ++count;
    if (unfinished(piece) != 0 && i + 1 < tokens.size()) continue;
    const bool begins =
        words.empty() || every_character || piece.starts_with(' ') || among(strip(piece), kPunctuation);
    if (begins) words.push_back({});
    words.back().text += piece;
    words.back().count += count;
    piece.clear();
    count = 0;
  }
  return words;
}

void merge_punctuation(std::span<TimedWord> words) {
  const auto join = [](TimedWord& into, TimedWord& from, bool front) {
    into.text = front ? from.text + into.text : into.text + from.text;
    into.count += from.count;
    from.text.clear();
    from.count = 0;
  };
  for (std::size_t i = words.size(), following = i - 1; i-- > 0;) {
    if (i == following) continue;
    if (words[i].text.starts_with(' ') && among(strip(words[i].text), kOpening)) {
      join(words[following], words[i], true);
    } else {
      following = i;
    }
  }
  for (std::size_t previous = 0, i = 1; i < words.size(); ++i) {
    if (!words[previous].text.ends_with(' ') && among(words[i].text, kClosing)) {
      join(words[previous], words[i], false);
    } else {
      previous = i;
    }
  }
}

double limit_durations(std::span<TimedWord> words) {
  std::vector<double> durations;
  for (const TimedWord& word : words) {
    if (word.end != word.start) durations.push_back(word.end - word.start);
  }
  if (durations.empty()) return 0.0;
  std::sort(durations.begin(), durations.end());
  const std::size_t half = durations.size() / 2;
  const double middle =
      durations.size() % 2 == 1 ? durations[half] : (durations[half - 1] + durations[half]) / 2.0;
  const double median = std::min(middle, kLongestMedian);
  for (std::size_t i = 1; i < words.size(); ++i) {
    TimedWord& word = words[i];
    if (word.end - word.start <= 2.0 * median) continue;
    if (among(word.text, kSentenceEnds)) {
      word.end = word.start + 2.0 * median;
    } else if (among(words[i - 1].text, kSentenceEnds)) {
      word.start = word.end - 2.0 * median;
    }
  }
  return median;
}

namespace {

// The first word after a pause is not longer than twice the median, nor are the first two together than four
// times.
void shorten_after_pause(std::vector<Word>& words, double median, double last_speech) {
  Word& first = words.front();
  const double longest = 2.0 * median;
  const auto length = [](const Word& word) { return seconds(word.end - word.start); };
  const bool two_long = words.size() > 1 && seconds(words[1].end - first.start) > 2.0 * longest;
  if (seconds(first.end) - last_speech <= 4.0 * median || (length(first) <= longest && !two_long)) return;
  if (words.size() > 1 && length(words[1]) > longest) {
    const double boundary = std::max(seconds(words[1].end) / 2.0, seconds(words[1].end) - longest);
    first.end = words[1].start = nanoseconds(boundary);
  }
  first.start = nanoseconds(std::max(0.0, seconds(first.end) - longest));
}

}  // namespace

void assign_words(std::span<const TimedWord> words, double median_duration, std::span<Segment> segments) {
  std::size_t next = 0;
  double last_speech = 0.0;
  for (Segment& segment : segments) {
    segment.words.clear();
    for (std::size_t saved = 0; next < words.size() && saved < segment.tokens.size(); ++next) {
      const TimedWord& word = words[next];
      saved += static_cast<std::size_t>(word.count);
      if (word.text.empty()) continue;
      segment.words.push_back({word.text, nanoseconds(word.start), nanoseconds(word.end), word.probability});
    }
    if (segment.words.empty()) continue;
    shorten_after_pause(segment.words, median_duration, last_speech);
    const double begin = seconds(segment.start), end = seconds(segment.end);
    Word& first = segment.words.front();
    if (begin < seconds(first.end) && begin - kSegmentTolerance > seconds(first.start)) {
      first.start = nanoseconds(std::max(0.0, std::min(seconds(first.end) - median_duration, begin)));
    }
    Word& last = segment.words.back();
    if (end > seconds(last.start) && end + kSegmentTolerance < seconds(last.end)) {
      last.end = nanoseconds(std::max(seconds(last.start) + median_duration, end));
    }
    last_speech = seconds(last.end);
  }
}

}  // namespace vedette::models::audio
