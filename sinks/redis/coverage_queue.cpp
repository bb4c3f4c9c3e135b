#include "sinks/redis/coverage_queue.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>

namespace vedette::sinks::redis {

namespace {

constexpr std::size_t kMostLetters = 6 * 3600;  // of one modality that wait, while Redis is away
constexpr std::size_t kPieceLetters = 4096;

}  // namespace

std::string coverage_day(std::int64_t second) {
  const std::chrono::year_month_day date(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(second))));
  char day[32];
  std::snprintf(day, sizeof day, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return day;
}

CoveragePlace coverage_place(std::string_view stream, std::string_view modality, std::int64_t second) {
  return {
      "vedette:{" + std::string(stream) + "}:coverage:" + std::string(modality) + ":" + coverage_day(second),
      second % kCoverageDay};
}

void CoverageQueue::add(std::string_view modality, std::int64_t first, std::string_view letters) {
  if (letters.empty() || first < 0) return;
  auto found = waiting_.find(modality);
  if (found == waiting_.end()) found = waiting_.emplace(modality, Line{}).first;
  Line& line = found->second;
  if (!line.runs.empty() && line.runs.back().first + std::ssize(line.runs.back().letters) == first) {
    line.runs.back().letters += letters;
  } else {
    line.runs.push_back({first, std::string(letters)});
  }
  line.letters += letters.size();
  if (line.letters <= kMostLetters) return;
  lost_ += line.letters - kMostLetters;
  pop(line, line.letters - kMostLetters);
}

void CoverageQueue::pop(Line& line, std::size_t count) {
  line.letters -= count;
  while (count > 0) {
    Run& run = line.runs.front();
    const std::size_t some = std::min(count, run.letters.size());
    run.letters.erase(0, some);
    run.first += static_cast<std::int64_t>(some);
    count -= some;
    if (run.letters.empty()) line.runs.pop_front();
  }
}

std::vector<CoverageQueue::Piece> CoverageQueue::next() const {
  std::vector<Piece> pieces;
  for (const auto& [modality, line] : waiting_) {
    const Run& run = line.runs.front();
    const auto in_day = static_cast<std::size_t>(kCoverageDay - run.first % kCoverageDay);
    pieces.push_back({modality, run.first, run.letters.substr(0, std::min(kPieceLetters, in_day))});
  }
  return pieces;
}

void CoverageQueue::written(const Piece& piece) {
  remove(piece);
}

void CoverageQueue::refused(const Piece& piece) {
  lost_ += remove(piece);
}

// How many letters of it were still there: some may have been dropped while it was under way.
std::size_t CoverageQueue::remove(const Piece& piece) {
  const auto found = waiting_.find(piece.modality);
  if (found == waiting_.end()) return 0;
  Line& line = found->second;
  const std::int64_t end = piece.first + std::ssize(piece.letters);
  const Run& run = line.runs.front();
  if (run.first < piece.first || run.first >= end) return 0;
  const std::size_t count = std::min(run.letters.size(), static_cast<std::size_t>(end - run.first));
  pop(line, count);
  if (line.runs.empty()) waiting_.erase(found);
  return count;
}

}  // namespace vedette::sinks::redis
