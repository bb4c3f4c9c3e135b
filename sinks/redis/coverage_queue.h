#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::sinks::redis {

std::string coverage_day(std::int64_t second);  // of UTC since 1970: "2026-11-22"

// Where the letter of a second of UTC stands: the string of its day, and its place there.
struct CoveragePlace {
  std::string key;
  std::int64_t offset = 0;
};
CoveragePlace coverage_place(std::string_view stream, std::string_view modality, std::int64_t second);
constexpr std::int64_t kCoverageDay = 86400;  // letters of a string

// What was watched of one stream, a letter per second of UTC and modality, on its way into strings of one
// day each, where the letter's place is the second of the day. Writing a letter twice changes nothing. Not
// thread-safe.
class CoverageQueue {
 public:
  // Letters that go into one string.
  struct Piece {
    std::string modality;
    std::int64_t first = 0;  // second since 1970 of the first letter; all lie in one day
    std::string letters;
  };

  void add(std::string_view modality, std::int64_t first, std::string_view letters);
  bool empty() const { return waiting_.empty(); }
  // The oldest of each modality.
  std::vector<Piece> next() const;
  // It need not be written again.
  void written(const Piece& piece);
  // It cannot be written, now or later.
  void refused(const Piece& piece);
  void clear() { waiting_.clear(); }
  // Letters that were dropped: too many waited, or they were refused.
  std::uint64_t lost() const { return lost_; }

 private:
  struct Run {
    std::int64_t first;
    std::string letters;
  };
  struct Line {
    std::deque<Run> runs;
    std::size_t letters = 0;
  };
  static void pop(Line& line, std::size_t count);
  std::size_t remove(const Piece& piece);

  std::map<std::string, Line, std::less<>> waiting_;  // modality -> what waits; none is empty
  std::uint64_t lost_ = 0;
};

}  // namespace vedette::sinks::redis
