#include "daemon/narration/timeline.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "daemon/narration/words.h"

namespace vedette::daemon::narration {

namespace {

std::size_t size_of(const Fact& fact) {
  return sizeof(Fact) + fact.label.size() + fact.text.size() + fact.record_id.size();
}

// Several records of words that read on as one sentence, or one fact of another kind.
struct Line {
  Fact fact;
  std::vector<std::string> evidence;
};

constexpr std::int64_t kSameSpeechMs = 1200;  // a longer gap begins a new line

std::vector<Line> lines_of(const std::vector<Fact>& facts) {
  std::vector<Line> lines;
  for (const Fact& fact : facts) {
    const bool goes_on = !lines.empty() && fact.kind == FactKind::kHeard &&
                         lines.back().fact.kind == FactKind::kHeard &&
                         lines.back().fact.start.epoch == fact.start.epoch &&
                         fact.t_start_ms - lines.back().fact.t_end_ms <= kSameSpeechMs &&
                         !ends_sentence(lines.back().fact.text);
    if (goes_on) {
      Line& line = lines.back();
      line.fact.text += " " + fact.text;
      line.fact.t_end_ms = fact.t_end_ms;
      line.fact.open = fact.open;
      if (!fact.record_id.empty()) line.evidence.push_back(fact.record_id);
      continue;
    }
    lines.push_back({fact, {}});
    if (!fact.record_id.empty()) lines.back().evidence.push_back(fact.record_id);
  }
  return lines;
}

std::string seconds(std::int64_t ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", static_cast<double>(ms) / 1000.0);
  return text;
}

std::string to_text(const Line& line, std::int64_t zero_ms) {
  const Fact& fact = line.fact;
  std::string text = "[" + fact.label + " " + seconds(fact.t_start_ms - zero_ms) + "-";
  if (!fact.open) text += seconds(fact.t_end_ms - zero_ms);
  text += "]";
  if (fact.kind == FactKind::kHeard) text += " \"" + fact.text + "\"";
  return text + "\n";
}

}  // namespace

void Timeline::add(Fact fact) {
  const std::lock_guard lock(mutex_);
  latest_ms_ = std::max({latest_ms_, fact.t_start_ms, fact.t_end_ms});
  bytes_ += size_of(fact);
  const auto after = std::upper_bound(facts_.begin(), facts_.end(), fact.t_start_ms,
                                      [](std::int64_t t, const Fact& other) { return t < other.t_start_ms; });
  facts_.insert(after, std::move(fact));
  trim();
}

void Timeline::close(std::string_view label, std::chrono::nanoseconds end, std::int64_t t_end_ms) {
  const std::lock_guard lock(mutex_);
  for (Fact& fact : facts_) {
    if (!fact.open || fact.label != label) continue;
    fact.open = false;
    fact.end = end;
    fact.t_end_ms = std::max(fact.t_start_ms, t_end_ms);
  }
  latest_ms_ = std::max(latest_ms_, t_end_ms);
}

std::vector<Fact> Timeline::between(std::int64_t from_ms, std::int64_t to_ms) const {
  const std::lock_guard lock(mutex_);
  std::vector<Fact> found;
  for (const Fact& fact : facts_) {
    if (fact.t_start_ms <= to_ms && (fact.open || fact.t_end_ms >= from_ms)) found.push_back(fact);
  }
  return found;
}

std::int64_t Timeline::latest_ms() const {
  const std::lock_guard lock(mutex_);
  return latest_ms_;
}

std::size_t Timeline::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void Timeline::trim() {
  const auto drop = [this](std::deque<Fact>::iterator fact) {
    bytes_ -= size_of(*fact);
    return facts_.erase(fact);
  };
  for (auto fact = facts_.begin(); fact != facts_.end();) {
    const bool old = !fact->open && fact->t_end_ms < latest_ms_ - options_.longest.count();
    fact = old ? drop(fact) : std::next(fact);
  }
  while (bytes_ > options_.most_bytes && !facts_.empty()) drop(facts_.begin());
}

RenderedTimeline render(const std::vector<Fact>& facts, const RenderOptions& options) {
  const std::vector<Line> lines = lines_of(facts);
  RenderedTimeline result;
  int left = options.most_tokens;
  auto first = lines.end();
  std::vector<std::string> texts;  // newest first
  while (first != lines.begin()) {
    std::string text = to_text(*std::prev(first), options.zero_ms);
    if (options.most_tokens > 0) {
      left -= options.count_tokens(text);
      if (left < 0) break;
    }
    texts.push_back(std::move(text));
    --first;
  }
  for (auto text = texts.rbegin(); text != texts.rend(); ++text) result.text += *text;
  for (auto line = first; line != lines.end(); ++line) {
    result.heard = result.heard || line->fact.kind == FactKind::kHeard;
    result.evidence.insert(result.evidence.end(), line->evidence.begin(), line->evidence.end());
    if (line == first) result.from_ms = line->fact.t_start_ms;
    result.to_ms = std::max(result.to_ms, line->fact.t_end_ms);
  }
  return result;
}

}  // namespace vedette::daemon::narration
