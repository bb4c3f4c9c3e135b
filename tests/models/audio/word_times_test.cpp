#include "models/audio/word_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

namespace vedette::models::audio {
namespace {

using std::chrono::milliseconds;

// Sorts every neighbourhood: what the filter must equal.
std::vector<float> slow_median(const std::vector<float>& row, int width) {
  const auto n = static_cast<std::int64_t>(row.size());
  std::vector<float> result;
  for (std::int64_t c = 0; c < n; ++c) {
    std::vector<float> window;
    for (std::int64_t k = c - width / 2; k <= c + width / 2; ++k) {
      const std::int64_t at = k < 0 ? -k : k >= n ? 2 * (n - 1) - k : k;
      window.push_back(row[static_cast<std::size_t>(at)]);
    }
    std::sort(window.begin(), window.end());
    result.push_back(window[static_cast<std::size_t>(width / 2)]);
  }
  return result;
}

TEST(MedianFilter, EqualsSortingEveryNeighbourhood) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const int width : {1, 3, 7, 9}) {
    for (const std::size_t length : {5U, 8U, 16U, 17U, 100U}) {
      std::vector<float> row(length);
      for (float& value : row) value = normal(random);
      const std::vector<float> expected = slow_median(row, width);
      median_filter_rows(row, 1, static_cast<std::int64_t>(length), width);
      EXPECT_THAT(row, testing::Pointwise(testing::FloatEq(), expected)) << width << " over " << length;
    }
  }
}

TEST(MedianFilter, LeavesShortRowsAlone) {
  std::vector<float> row = {3.0F, 1.0F, 2.0F};
  median_filter_rows(row, 1, 3, 7);
  EXPECT_THAT(row, testing::ElementsAre(3.0F, 1.0F, 2.0F));
}

// Cost of the cheapest path, by trying every way from every cell.
double cheapest(const std::vector<float>& cost, std::int64_t rows, std::int64_t columns, std::int64_t r,
                std::int64_t c) {
  const double here = cost[static_cast<std::size_t>(r * columns + c)];
  if (r == 0 && c == 0) return here;
  double least = std::numeric_limits<double>::infinity();
  if (r > 0) least = std::min(least, cheapest(cost, rows, columns, r - 1, c));
  if (c > 0) least = std::min(least, cheapest(cost, rows, columns, r, c - 1));
  if (r > 0 && c > 0) least = std::min(least, cheapest(cost, rows, columns, r - 1, c - 1));
  return here + least;
}

TEST(TimeWarp, FollowsADiagonalBand) {
  constexpr std::int64_t kRows = 4, kColumns = 12;
  std::vector<float> cost(kRows * kColumns, 1.0F);
  for (std::int64_t c = 0; c < kColumns; ++c) cost[static_cast<std::size_t>(c / 3 * kColumns + c)] = -1.0F;
  TimeWarp warp(kRows, kColumns);
  std::vector<std::int32_t> first(kRows);
  warp.run(cost, kRows, kColumns, first);
  EXPECT_THAT(first, testing::ElementsAre(0, 3, 6, 9));
}

TEST(TimeWarp, IsMonotoneAndCheapest) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (const auto& [rows, columns] :
       {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 6}, {4, 1}, {4, 6}, {5, 5}}) {
    std::vector<float> cost(static_cast<std::size_t>(rows * columns));
    for (float& value : cost) value = normal(random);
    TimeWarp warp(5, 6);
    std::vector<std::int32_t> first(static_cast<std::size_t>(rows));
    warp.run(cost, rows, columns, first);
    EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
    EXPECT_EQ(first[0], 0);
    // The path that enters rows so costs at least the cheapest and, with its best leaving points, exactly
    // that.
    double path = std::numeric_limits<double>::infinity();
    const auto walk = [&](const auto& self, std::int64_t r, double sum) -> void {
      for (std::int64_t c = first[static_cast<std::size_t>(r)]; c < columns; ++c) {
        sum += cost[static_cast<std::size_t>(r * columns + c)];
        if (r + 1 == rows) {
          if (c + 1 == columns) path = std::min(path, sum);
        } else if (const std::int64_t next = first[static_cast<std::size_t>(r + 1)];
                   next == c || next == c + 1) {
          self(self, r + 1, sum);
        }
      }
    };
    walk(walk, 0, 0.0);
    EXPECT_NEAR(path, cheapest(cost, rows, columns, rows - 1, columns - 1), 1e-5) << rows << " x " << columns;
  }
}

std::vector<TimedWord> timed(std::initializer_list<const char*> texts) {
  std::vector<TimedWord> words;
  double at = 0.0;
  for (const char* text : texts) {
    words.push_back({text, 1, at, at + 0.3, 0.5F});
    at += 0.3;
  }
  return words;
}

TEST(Words, PunctuationJoinsItsWord) {
  auto words = timed({" He", " said", ",", " \"", "go", "!", "\"", " (", "now", ")"});
  merge_punctuation(words);
  std::vector<std::string> texts;
  int tokens = 0;
  for (const TimedWord& word : words) {
    if (!word.text.empty()) texts.push_back(word.text);
    tokens += word.count;
  }
  EXPECT_THAT(texts, testing::ElementsAre(" He", " said,", " \"go!\"", " (now)"));
  EXPECT_EQ(tokens, 10);
}

TEST(Words, LimitedAtASentencesEnd) {
  auto words = timed({" one", " two", ".", " three", " four"});
  words[2].end = 5.0;
  words[3].start = 5.0;
  words[3].end = 9.0;
  EXPECT_NEAR(limit_durations(words), 0.3, 1e-9);
  EXPECT_NEAR(words[2].end, words[2].start + 0.6, 1e-9);
  EXPECT_NEAR(words[3].start, 8.4, 1e-9);
}

TEST(Words, GoToTheirSegments) {
  std::vector<Segment> segments(2);
  segments[0].tokens = {1, 2};
  segments[0].end = milliseconds(600);
  segments[1].tokens = {3};
  segments[1].start = milliseconds(600);
  segments[1].end = milliseconds(900);
  assign_words(timed({" a", " b", " c"}), 0.3, segments);
  ASSERT_EQ(segments[0].words.size(), 2U);
  ASSERT_EQ(segments[1].words.size(), 1U);
  EXPECT_EQ(segments[0].words[1].text, " b");
  EXPECT_EQ(segments[1].words[0].start, milliseconds(600));
  EXPECT_EQ(segments[1].words[0].end, milliseconds(900));
}

}  // namespace
}  // namespace vedette::models::audio
