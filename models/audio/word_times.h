#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/audio/transcript.h"

namespace vedette::models::text {
class Tokenizer;
}

namespace vedette::models::audio {

// Median of `width` neighbours along each row of `values` [rows, columns] f32, in place, the row reflected at
// its ends; rows that are shorter than half the filter stay as they are. `width` is odd, at most 255.
void median_filter_rows(std::span<float> values, std::int64_t rows, std::int64_t columns, int width);

// The cheapest monotone path through `cost` [rows, columns] from one corner to the other. `first_column[r]`
// becomes the column where the path enters row r. Equal to the published dynamic time warping, ties included.
class TimeWarp {
 public:
  // Sized once; run() then allocates nothing. Requires of run(): at most so many rows and columns, both at
  // least 1.
  TimeWarp(std::int64_t max_rows, std::int64_t max_columns);
  void run(std::span<const float> cost, std::int64_t rows, std::int64_t columns,
           std::span<std::int32_t> first_column);

 private:
  std::vector<std::uint8_t> trace_;  // [rows + 1, columns + 1]: the step that led here
  std::vector<double> previous_, current_;
};

// Tokens that make one word, before it has a time.
struct WordTokens {
  std::string text;
  int count = 0;  // tokens
};

// Splits text tokens into words: at spaces and punctuation, or at every character for languages that put no
// spaces between words (zh, ja, th, lo, my, yue). Bytes of one character stay together.
std::vector<WordTokens> split_words(const text::Tokenizer& tokenizer, std::span<const std::int32_t> tokens,
                                    std::string_view language);

// Joins punctuation to the word that it belongs to: opening marks to the next word, closing ones to the one
// before. Joined words get an empty text and no tokens.
struct TimedWord {
  std::string text;
  int count = 0;  // tokens
  double start = 0.0, end = 0.0;
  float probability = 0.0F;
};
void merge_punctuation(std::span<TimedWord> words);

// Shortens words that the alignment stretched over a pause at a sentence's end.
// Result: the median length of a word, seconds, at most 0.7.
double limit_durations(std::span<TimedWord> words);

// Deals the words out to the segments by their token counts, and draws in the first and last word of each
// where they reach far out of it. `tokens` of a segment are text tokens.
void assign_words(std::span<const TimedWord> words, double median_duration, std::span<Segment> segments);

}  // namespace vedette::models::audio
