#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::sinks::redis {

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

    std::string day() const;      // "2026-11-22"
    std::int64_t offset() const;  // of the first letter in its day
  };

  void add(std::string_view modality, std::int64_t first, std::string_view letters);
  bool empty() const { return waiting_.empty(); }
  // The oldest of each modality.
  std::vector<Piece> next() const;
  // It need not be written again.
  void written(const Piece& piece);
  void clear() { waiting_.clear(); }
  // Letters that were dropped because too many waited.
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

  std::map<std::string, Line, std::less<>> waiting_;  // modality -> what waits; none is empty
  std::uint64_t lost_ = 0;
};

}  // namespace vedette::sinks::redis
