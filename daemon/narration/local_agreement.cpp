#include "daemon/narration/local_agreement.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

namespace vedette::daemon::narration {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

// Times of one word wander by about this much from pass to pass (whisper_streaming uses the same figure).
constexpr nanoseconds kTimeSlack = milliseconds(100);
// Committed words that end this long before a window may be heard at its head all the same.
constexpr nanoseconds kHeadSlack = milliseconds(300);
constexpr nanoseconds kLeadIn = milliseconds(1000);  // of a silence, kept before what may come
// Where a pass is laid along committed words, displacement in time weighs one word per so much, and all of it
// less than one word: the last word before a silence may end anywhere in it.
constexpr nanoseconds kWordWeight = milliseconds(500);
constexpr double kMostDisplaced = 0.9;
constexpr std::size_t kRemembered = 256;  // committed words kept; more than 30 s of fast speech

// What it costs to take one word for another: 0 for the same, up to 1; less than to leave one out and put the
// other in, as both passes heard the same sound.
double replacing(const std::string& a, const std::string& b) {
  if (a == b) return 0.0;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j < row.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return 0.5 + 0.5 * static_cast<double>(row.back()) / static_cast<double>(std::max(a.size(), b.size()));
}

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
    while (agreed < words.size() && is_certain(agreed, words, end)) ++agreed;
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

bool LocalAgreement::is_certain(std::size_t index, const std::vector<TimedWord>& words,
                                nanoseconds end) const {
  if (index >= previous_.size()) return false;  // heard for the first time
  const nanoseconds behind = end - words[index].end;
  if (options_.certain_after.count() > 0 && behind >= options_.certain_after) return true;
  return behind >= options_.follow_up && normalised(words[index].text) == normalised(previous_[index].text);
}

std::vector<TimedWord> LocalAgreement::settle(nanoseconds end) {
  std::vector<TimedWord> fresh = std::move(previous_);
  previous_.clear();
  shown_.clear();
  empty_pass_ = false;
  for (const TimedWord& word : fresh) commit(word);
  if (committed_end_ <= std::max(cut_, window_start_)) cut_ = std::max(cut_, end - kLeadIn);
  return fresh;
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

// Takes away the words of a pass that are committed already. The pass is laid along the committed words of
// its window by edit distance, and split where the two fit best: their texts decide, as the times of a
// window's first and last words wander by half a second, and between equal texts the times do.
void LocalAgreement::drop_committed(std::vector<TimedWord>& words) const {
  if (committed_.empty() || words.empty()) return;
  const auto held = std::find_if(committed_.begin(), committed_.end(), [this](const TimedWord& word) {
    return word.end > window_start_ - kHeadSlack;
  });
  std::vector<std::string> heard;
  for (const TimedWord& word : words) heard.push_back(normalised(word.text));
  // row[k]: edits between the committed words so far and the first k of the pass.
  std::vector<double> row(words.size() + 1);
  for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<double>(k);
  for (auto word = held; word != committed_.end(); ++word) {
    const std::string text = normalised(word->text);
    const double missing =
        word->end <= window_start_ + kTimeSlack ? 0.0 : 1.0;  // it may lie before the window
    double diagonal = row[0];
    row[0] += missing;
    for (std::size_t k = 1; k < row.size(); ++k) {
      const double replaced = diagonal + replacing(heard[k - 1], text);
      diagonal = row[k];
      row[k] = std::min({replaced, row[k] + missing, row[k - 1] + 1.0});
    }
  }
  const auto displaced = [&](std::size_t k) {
    nanoseconds by{0};
    if (k < words.size()) by += std::max(nanoseconds{0}, committed_end_ - words[k].end);
    if (k > 0) by += std::max(nanoseconds{0}, words[k - 1].start - committed_end_);
    return std::min(kMostDisplaced,
                    std::chrono::duration<double>(by) / std::chrono::duration<double>(kWordWeight));
  };
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < row.size(); ++k) {
    const double cost = row[k] + displaced(k);
    if (cost >= least) continue;
    least = cost;
    best = k;
  }
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(best));
}

void LocalAgreement::commit(const TimedWord& word) {
  committed_.push_back(word);
  if (committed_.size() > kRemembered) committed_.erase(committed_.begin());
  committed_end_ = std::max(committed_end_, word.end);
}

// The window may start behind a committed word that ends a sentence or comes before a pause, with `kept` of
// committed speech behind it; when the window has grown long, behind the last such word wherever it stands,
// and where there is none behind any.
void LocalAgreement::move_cut(nanoseconds window_end) {
  const nanoseconds next = previous_.empty() ? window_end : previous_.front().start;
  const bool is_long = window_end - std::max(cut_, window_start_) > options_.long_window;
  std::size_t clean = committed_.size(), any = committed_.size();  // the last ones; size(): none
  for (std::size_t i = committed_.size(); i-- > 0;) {
    const TimedWord& word = committed_[i];
    if (word.end <= cut_) break;
    const bool keeps = committed_end_ - word.end >= options_.kept;
    const nanoseconds follower = i + 1 < committed_.size() ? committed_[i + 1].start : next;
    const bool is_clean = ends_sentence(word.text) || follower - word.end >= options_.pause;
    if (keeps && any == committed_.size()) any = i;
    if (!is_clean || (!keeps && !is_long)) continue;
    clean = i;
    break;
  }
  if (clean == committed_.size() && is_long) clean = any;
  if (clean == committed_.size()) return;
  const nanoseconds end = committed_[clean].end;
  const nanoseconds follower = clean + 1 < committed_.size() ? committed_[clean + 1].start : next;
  // Between the two words, but not far from the first: the follower's start is known less well.
  cut_ = std::max(cut_, end + std::clamp((follower - end) / 2, nanoseconds{0}, kTimeSlack * 2));
}

}  // namespace vedette::daemon::narration
