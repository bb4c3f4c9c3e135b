#include "daemon/ledger/second_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vedette::daemon::ledger {

namespace {

// What nobody takes: runs of an hour at most, a day of them.
constexpr std::size_t kRunSeconds = 3600, kMostRuns = 24;

}  // namespace

void SecondBook::add(Coverage state, Nanoseconds from, Nanoseconds to) {
  if (from < end_ && end_ - from < kSecond) from = end_;  // clocks are slewed by milliseconds
  while (from < to) {
    const std::int64_t second = std::chrono::floor<std::chrono::seconds>(from).count();
    if (begun_ && second != second_) finish();
    second_ = second;
    begun_ = true;
    const Nanoseconds over = std::chrono::seconds(second + 1), until = std::min(to, over);
    shares_[static_cast<std::size_t>(state)] += until - from;
    from = end_ = until;
    if (until == over) finish();
  }
}

void SecondBook::finish() {
  if (!begun_) return;
  const auto most = std::ranges::max_element(shares_);
  const char letter = letter_of(static_cast<Coverage>(most - shares_.begin()));
  const bool goes_on = !done_.empty() && done_.back().letters.size() < kRunSeconds &&
                       done_.back().first + std::ssize(done_.back().letters) == second_;
  if (goes_on) {
    done_.back().letters += letter;
  } else {
    done_.push_back({second_, std::string(1, letter)});
  }
  if (done_.size() > kMostRuns) done_.erase(done_.begin());
  shares_ = {};
  begun_ = false;
}

std::vector<Seconds> SecondBook::take() {
  return std::exchange(done_, {});
}

}  // namespace vedette::daemon::ledger
