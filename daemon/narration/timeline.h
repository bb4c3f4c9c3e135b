#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "models/text/prompt_layout.h"

namespace vedette::daemon::narration {

enum class FactKind : std::uint8_t { kHeard, kSounded, kSeen, kMoved, kCaption, kCondition, kStatus };

// One thing that is known about a stretch of a stream: words or another sound heard, what the encoder of
// pictures says, what moved, a caption, a measured condition, a state of the source. Captions are kept for
// their frames; no prompt shows them.
struct Fact {
  FactKind kind = FactKind::kHeard;
  base::MediaTime start;
  std::chrono::nanoseconds end{0};            // running time in the epoch of `start`
  std::int64_t t_start_ms = 0, t_end_ms = 0;  // the same in UTC, by the clock of the moment
  bool open = false;                          // still going on; the ends are then those known so far
  std::string label;                          // "heard", "sees", "sound_silent", "reconnecting(refused)"
  std::string text;       // the words; "person, middle, 0.8"; "one thing, right to left"; "" for conditions
  std::string record_id;  // the record that said so; "": none did
  std::string frame;      // path of the picture that it rests on; "": none
  std::uint64_t number = 0;  // counts what has settled, in that order; 0 while open. Given by the timeline
};

struct TimelineOptions {
  std::chrono::milliseconds longest = std::chrono::minutes(15);  // facts that ended before this are forgotten
  std::size_t most_bytes = 256 * 1024;  // of text and labels and the facts themselves
};

// What is known about one stream's last minutes, oldest first. Bounded by time and by bytes: the oldest go
// first; where the clock was set back by more than that time, what it said before goes too. Thread-safe: the
// engine's thread writes, questions read.
class Timeline {
 public:
  explicit Timeline(const TimelineOptions& options = {}) : options_(options) {}

  void add(Fact fact);
  // Ends the open fact of this label, if there is one.
  void close(std::string_view label, std::chrono::nanoseconds end, std::int64_t t_end_ms);
  // Ends the open fact of this record with its last text.
  void settle(std::string_view record_id, std::string text, std::chrono::nanoseconds end,
              std::int64_t t_end_ms);
  // Gives the open fact of this record another text.
  void retell(std::string_view record_id, const std::string& text);
  // Notes the picture that this record rests on.
  void set_frame(std::string_view record_id, const std::string& path);
  // Copies of the facts that settled after the one of this number, in the order in which they did.
  std::vector<Fact> settled_after(std::uint64_t number) const;
  // Copies of those that go on, in order of their start.
  std::vector<Fact> open() const;
  // Copies of the facts that touch [from_ms, to_ms] of UTC, in order of their start.
  std::vector<Fact> between(std::int64_t from_ms, std::int64_t to_ms) const;
  // UTC of the latest end of any fact; 0: there is none.
  std::int64_t latest_ms() const;
  std::size_t bytes() const;

 private:
  void end(Fact& fact, std::chrono::nanoseconds end, std::int64_t t_end_ms);
  void forget_after(std::int64_t t_ms);
  void trim();

  const TimelineOptions options_;
  mutable std::mutex mutex_;
  std::deque<Fact> facts_;
  std::size_t bytes_ = 0;
  std::int64_t latest_ms_ = 0;
  std::uint64_t settled_ = 0;
};

struct RenderOptions {
  const models::text::PromptLayout* layout = nullptr;  // null: the default one
  std::int64_t zero_ms = 0;                            // UTC that is written as 0.0
  int most_tokens = 0;                                 // of the text; what is oldest is left out; 0: no limit
  std::function<int(std::string_view)> count_tokens;   // needed with most_tokens
};

struct RenderedTimeline {
  std::string text;                     // one line per fact
  std::vector<Fact> lines;              // the same as facts: words of one sentence are one of them
  std::vector<std::string> evidence;    // records behind the lines, oldest first
  bool heard = false;                   // there are words or other sounds among the facts
  bool seen = false;                    // there is something seen or moving among them
  std::int64_t from_ms = 0, to_ms = 0;  // span of the facts that were written; 0, 0: none were
};

// One fact as a prompt shows it, with its line's end; "" for a caption.
std::string fact_line(const Fact& fact, std::int64_t zero_ms, const models::text::PromptLayout& layout);
// The same of a sound, as the texts before and behind its rows; nothing for other facts, and where the layout
// has no place for rows.
std::optional<std::pair<std::string, std::string>> sound_line(const Fact& fact, std::int64_t zero_ms,
                                                              const models::text::PromptLayout& layout);

// The facts as a prompt shows them: `[heard 10.2-13.4] "words"`, `[sound_silent 20.0-31.0]`. Words that
// follow each other inside a sentence become one line. Requires: the facts are in order of their start.
RenderedTimeline render(const std::vector<Fact>& facts, const RenderOptions& options);

}  // namespace vedette::daemon::narration
