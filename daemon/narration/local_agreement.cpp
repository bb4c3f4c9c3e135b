#include "daemon/narration/local_agreement.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vedette::daemon::narration {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

// Times of one word wander by about this much from pass to pass (whisper_streaming uses the same figure).
constexpr nanoseconds kTimeSlack = milliseconds(100);
// Committed words are looked for at the head of a new pass when it begins within this of them (as above).
constexpr nanoseconds kOverlapReach = milliseconds(1000);
constexpr std::size_t kOverlapWords = 5;
constexpr std::size_t kRemembered = 256;  // committed words kept; more than 30 s of fast speech

}  // namespace

std::vector<TimedWord> LocalAgreement::pass(std::vector<TimedWord> words, nanoseconds start, nanoseconds end,
                                            bool settle_all) {
  window_start_ = start;
  for (TimedWord& word : words) {
    word.end = std::min(word.end, end);
    word.start = std::min(word.start, word.end);
  }
  std::vector<TimedWord> fresh = commit_before(start);
  drop_committed(words);
  if (words.empty() && !previous_.empty() && !empty_pass_ && !settle_all) {
    empty_pass_ = true;
    move_cut(end);
    return fresh;
  }
  const bool withdrawn = words.empty();
  empty_pass_ = withdrawn;

  std::size_t agreed = 0;
  if (settle_all) {
    if (withdrawn) words = previous_;
    agreed = words.size();
  } else {
    while (agreed < words.size() && agreed < previous_.size() &&
           words[agreed].end + options_.follow_up <= end &&
           normalised(words[agreed].text) == normalised(previous_[agreed].text)) {
      ++agreed;
    }
  }
  const auto rest = words.begin() + static_cast<std::ptrdiff_t>(agreed);
  for (auto word = words.begin(); word != rest; ++word) {
    commit(*word);
    fresh.push_back(std::move(*word));
  }
  previous_.assign(std::make_move_iterator(rest), std::make_move_iterator(words.end()));
  shown_ = previous_;
  while (!shown_.empty() && shown_.back().end + options_.unstable_tail > end &&
         options_.unstable_tail.count() > 0) {
    shown_.pop_back();
  }
  move_cut(end);
  return fresh;
}

std::vector<TimedWord> LocalAgreement::settle(nanoseconds end) {
  std::vector<TimedWord> fresh = std::move(previous_);
  previous_.clear();
  shown_.clear();
  empty_pass_ = false;
  for (const TimedWord& word : fresh) commit(word);
  cut_ = std::max({cut_, committed_end_, end});
  return fresh;
}

std::string LocalAgreement::text_before(nanoseconds start) const {
  if (options_.prompt_bytes == 0) return {};
  std::size_t bytes = 0;
  auto last = committed_.end();
  while (last != committed_.begin() && std::prev(last)->end > start + kTimeSlack) --last;
  auto first = last;
  while (first != committed_.begin() && bytes + std::prev(first)->text.size() <= options_.prompt_bytes) {
    --first;
    bytes += first->text.size();
  }
  return joined({first, last});
}

// Words that the window has left behind cannot be heard again: what the last pass gave has to do.
std::vector<TimedWord> LocalAgreement::commit_before(nanoseconds start) {
  const auto inside = std::find_if(previous_.begin(), previous_.end(),
                                   [start](const TimedWord& word) { return word.end > start; });
  std::vector<TimedWord> fresh(previous_.begin(), inside);
  previous_.erase(previous_.begin(), inside);
  for (const TimedWord& word : fresh) commit(word);
  return fresh;
}

// Takes away the words of a pass that are committed already. Where it repeats the committed words of its
// window, what follows them is new, whatever the times say: those of a window's first and last word wander by
// half a second. Otherwise by time, and by their text where the two meet.
void LocalAgreement::drop_committed(std::vector<TimedWord>& words) const {
  if (committed_.empty()) return;
  const auto same_text = [](const TimedWord& a, const TimedWord& b) {
    return normalised(a.text) == normalised(b.text);
  };
  const auto held = std::find_if(committed_.begin(), committed_.end(), [this](const TimedWord& word) {
    return word.end > window_start_ + kTimeSlack;
  });
  const auto repeated = committed_.end() - held;
  if (repeated > 0 && std::ssize(words) >= repeated &&
      std::equal(held, committed_.end(), words.begin(), same_text)) {
    words.erase(words.begin(), words.begin() + repeated);
    return;
  }
  const auto behind = std::find_if(words.begin(), words.end(), [this](const TimedWord& word) {
    return word.start > committed_end_ - kTimeSlack;
  });
  words.erase(words.begin(), behind);
  if (words.empty() || words.front().start - committed_end_ > kOverlapReach) return;
  const std::size_t most = std::min({kOverlapWords, words.size(), committed_.size()});
  for (std::size_t count = most; count > 0; --count) {
    const auto tail = committed_.end() - static_cast<std::ptrdiff_t>(count);
    const bool same = std::equal(tail, committed_.end(), words.begin(), same_text);
    // A single repeated word is taken for the same one only where their times meet: people do say words
    // twice.
    const bool meets = count > 1 || words.front().start < committed_end_ + kTimeSlack;
    if (same && meets) {
      words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
      return;
    }
  }
}

void LocalAgreement::commit(const TimedWord& word) {
  committed_.push_back(word);
  if (committed_.size() > kRemembered) committed_.erase(committed_.begin());
  committed_end_ = std::max(committed_end_, word.end);
}

// The window may start behind the last committed word that ends a sentence or comes before a pause, and, when
// it has grown long, behind any committed word.
void LocalAgreement::move_cut(nanoseconds window_end) {
  const nanoseconds next = previous_.empty() ? window_end : previous_.front().start;
  const nanoseconds from = std::max(cut_, window_start_);
  const bool is_long = window_end - from > options_.long_window;
  // Speech counts as context, the silence before it does not: behind a silence the time of a single first
  // word is a guess, often seconds early, and a cut there would go through the words that follow.
  const auto first = std::find_if(committed_.begin(), committed_.end(),
                                  [from](const TimedWord& word) { return word.end > from; });
  const nanoseconds spoken_from = first == committed_.end() ? from : std::max(from, first->start);
  for (std::size_t i = committed_.size(); i-- > 0;) {
    const TimedWord& word = committed_[i];
    if (word.end <= cut_) return;
    const nanoseconds follower = i + 1 < committed_.size() ? committed_[i + 1].start : next;
    const bool clean = ends_sentence(word.text) || follower - word.end >= options_.pause;
    if (!clean && !is_long) continue;
    if (!is_long && word.end - spoken_from < options_.kept) return;
    // Between the two words, but not far from the first: the follower's start is known less well.
    cut_ = std::max(cut_, word.end + std::clamp((follower - word.end) / 2, nanoseconds{0}, kTimeSlack * 2));
    return;
  }
}

}  // namespace vedette::daemon::narration
