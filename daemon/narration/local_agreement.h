#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "daemon/narration/words.h"

namespace vedette::daemon::narration {

struct LocalAgreementOptions {
  // Committed speech of this length stays in the window: what was said before helps to hear what follows.
  std::chrono::nanoseconds kept = std::chrono::seconds(5);
  // A window longer than this is cut behind any sentence or pause, whatever is kept, else behind any
  // committed word.
  std::chrono::nanoseconds long_window = std::chrono::seconds(15);
  // A gap between two words that counts as a pause.
  std::chrono::nanoseconds pause = std::chrono::milliseconds(1000);
  // A word is committed only when at least this much sound follows it in the window: what comes after decides
  // much of what was heard. 0: agreement alone decides.
  std::chrono::nanoseconds follow_up = std::chrono::milliseconds(500);
  // A word that so much sound follows is committed as the last pass gave it, though the pass before gave
  // another in its place. 0: only agreement commits.
  std::chrono::nanoseconds certain_after = std::chrono::milliseconds(2500);
  // Words that end within this of the window's end are shown only when the next pass confirms them. 0: all
  // are shown.
  std::chrono::nanoseconds unstable_tail = std::chrono::milliseconds(150);
};

// The words of one epoch of one stream as successive passes over a moving window make them certain:
// LocalAgreement-2 of Macháček et al. 2023 (https://arxiv.org/abs/2307.14743). Words that two successive
// passes have in common are committed; the window may then start behind a committed sentence or pause. Not
// thread-safe.
class LocalAgreement {
 public:
  explicit LocalAgreement(const LocalAgreementOptions& options = {}) : options_(options) {}

  // One pass: the words heard in [start, end), in order. Returns the words that this pass commits. `settle`:
  // nothing more will be heard here (silence, or the end of the epoch), so that everything is committed.
  std::vector<TimedWord> pass(std::vector<TimedWord> words, std::chrono::nanoseconds start,
                              std::chrono::nanoseconds end, bool settle);
  // Silence, or the epoch's end, at `end`: commits what the last pass gave. Words stay in the window, as
  // context for what comes; noise without words does not.
  std::vector<TimedWord> settle(std::chrono::nanoseconds end);

  // The words after the committed ones, as the last pass gave them, without an unstable tail.
  const std::vector<TimedWord>& tentative() const { return shown_; }
  // Where the next window may start.
  std::chrono::nanoseconds cut() const { return cut_; }
  // The end of the last committed word.
  std::chrono::nanoseconds committed_end() const { return committed_end_; }

 private:
  std::vector<TimedWord> commit_before(std::chrono::nanoseconds start);
  void drop_committed(std::vector<TimedWord>& words) const;
  bool is_certain(std::size_t index, const std::vector<TimedWord>& words, std::chrono::nanoseconds end) const;
  void commit(const TimedWord& word);
  void move_cut(std::chrono::nanoseconds window_end);

  const LocalAgreementOptions options_;
  std::vector<TimedWord> committed_;  // the last ones only: those that the window may hold
  std::vector<TimedWord> previous_;   // what the last pass gave behind the committed words
  std::vector<TimedWord> shown_;
  std::chrono::nanoseconds committed_end_{0};
  std::chrono::nanoseconds cut_{0};
  std::chrono::nanoseconds window_start_{0};
  bool empty_pass_ = false;  // the last pass gave nothing: one such pass does not withdraw what was there
};

}  // namespace vedette::daemon::narration
