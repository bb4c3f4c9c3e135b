#include "daemon/narration/timeline.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "daemon/narration/words.h"

namespace vedette::daemon::narration {

namespace {

std::size_t size_of(const Fact& fact) {
  return sizeof(Fact) + fact.label.size() + fact.text.size() + fact.record_id.size() + fact.frame.size();
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
    if (fact.kind == FactKind::kCaption) continue;
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

const models::text::PromptLayout& default_layout() {
  static const models::text::PromptLayout layout;
  return layout;
}

const std::string& pattern_of(FactKind kind, const models::text::PromptLayout& layout) {
  switch (kind) {
    case FactKind::kHeard: return layout.heard;
    case FactKind::kSounded: return layout.sounded;
    case FactKind::kSeen: return layout.seen;
    case FactKind::kMoved: return layout.moved;
    case FactKind::kCaption:
    case FactKind::kCondition:
    case FactKind::kStatus: break;
  }
  return layout.condition;
}

constexpr std::string_view kSoundRows = "{sound}";

std::string fill_line(std::string_view pattern, const Fact& fact, std::int64_t zero_ms) {
  // What began before zero is shown from there: a prompt knows no time before its own.
  const std::int64_t from_ms = std::max<std::int64_t>(0, fact.t_start_ms - zero_ms);
  const std::int64_t to_ms = std::max(from_ms, fact.t_end_ms - zero_ms);
  const std::string from = seconds(from_ms);
  const std::string to = fact.open ? "" : seconds(to_ms);
  const std::string from_s = std::to_string(from_ms / 1000);
  const std::string to_s = fact.open ? "" : std::to_string((to_ms + 999) / 1000);
  const bool labelled = fact.kind == FactKind::kCondition || fact.kind == FactKind::kStatus;
  return models::text::fill(pattern, {{"tag", fact.label},
                                      {"t", from},
                                      {"from", from},
                                      {"to", to},
                                      {"from_s", from_s},
                                      {"to_s", to_s},
                                      {"sound", ""},
                                      {"text", labelled ? fact.label : fact.text}});
}

}  // namespace

std::string fact_line(const Fact& fact, std::int64_t zero_ms, const models::text::PromptLayout& layout) {
  if (fact.kind == FactKind::kCaption) return {};
  return fill_line(pattern_of(fact.kind, layout), fact, zero_ms);
}

std::optional<std::pair<std::string, std::string>> sound_line(const Fact& fact, std::int64_t zero_ms,
                                                              const models::text::PromptLayout& layout) {
  const std::string_view pattern = layout.sounded;
  const auto at = pattern.find(kSoundRows);
  if (fact.kind != FactKind::kSounded || at == std::string_view::npos) return std::nullopt;
  return std::pair(fill_line(pattern.substr(0, at), fact, zero_ms),
                   fill_line(pattern.substr(at + kSoundRows.size()), fact, zero_ms));
}

void Timeline::add(Fact fact) {
  const std::lock_guard lock(mutex_);
  const std::int64_t newest_ms = std::max(fact.t_start_ms, fact.t_end_ms);
  if (newest_ms < latest_ms_ - options_.longest.count()) {  // the clock was set back
    latest_ms_ = newest_ms;
    forget_after(newest_ms);
  }
  latest_ms_ = std::max(latest_ms_, newest_ms);
  if (!fact.open) fact.number = ++settled_;
  bytes_ += size_of(fact);
  const auto after = std::upper_bound(facts_.begin(), facts_.end(), fact.t_start_ms,
                                      [](std::int64_t t, const Fact& other) { return t < other.t_start_ms; });
  facts_.insert(after, std::move(fact));
  trim();
}

void Timeline::close(std::string_view label, std::chrono::nanoseconds end, std::int64_t t_end_ms) {
  const std::lock_guard lock(mutex_);
  for (Fact& fact : facts_) {
    if (fact.open && fact.label == label) this->end(fact, end, t_end_ms);
  }
}

void Timeline::settle(std::string_view record_id, std::string text, std::chrono::nanoseconds end,
                      std::int64_t t_end_ms) {
  const std::lock_guard lock(mutex_);
  for (Fact& fact : facts_) {
    if (!fact.open || fact.record_id != record_id) continue;
    bytes_ -= size_of(fact);
    fact.text = std::move(text);
    bytes_ += size_of(fact);
    this->end(fact, end, t_end_ms);
    return;
  }
}

void Timeline::retell(std::string_view record_id, const std::string& text) {
  const std::lock_guard lock(mutex_);
  for (Fact& fact : facts_) {
    if (!fact.open || fact.record_id != record_id) continue;
    bytes_ += text.size() - fact.text.size();
    fact.text = text;
  }
}

void Timeline::set_frame(std::string_view record_id, const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (Fact& fact : facts_) {
    if (fact.record_id != record_id) continue;
    bytes_ += path.size() - fact.frame.size();
    fact.frame = path;
  }
}

void Timeline::end(Fact& fact, std::chrono::nanoseconds end, std::int64_t t_end_ms) {
  fact.open = false;
  fact.end = end;
  fact.t_end_ms = std::max(fact.t_start_ms, t_end_ms);
  fact.number = ++settled_;
  latest_ms_ = std::max(latest_ms_, fact.t_end_ms);
}

std::vector<Fact> Timeline::settled_after(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  std::vector<Fact> found;
  for (const Fact& fact : facts_) {
    if (fact.number > number) found.push_back(fact);
  }
  std::ranges::sort(found, {}, &Fact::number);
  return found;
}

std::vector<Fact> Timeline::open() const {
  const std::lock_guard lock(mutex_);
  std::vector<Fact> found;
  for (const Fact& fact : facts_) {
    if (fact.open) found.push_back(fact);
  }
  return found;
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

// What has settled in a future that is not to come.
void Timeline::forget_after(std::int64_t t_ms) {
  std::erase_if(facts_, [&](const Fact& fact) {
    const bool goes = !fact.open && fact.t_start_ms > t_ms;
    if (goes) bytes_ -= size_of(fact);
    return goes;
  });
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
  const auto& layout = options.layout != nullptr ? *options.layout : default_layout();
  RenderedTimeline result;
  int left = options.most_tokens;
  auto first = lines.end();
  std::vector<std::string> texts;  // newest first
  while (first != lines.begin()) {
    std::string text = fact_line(std::prev(first)->fact, options.zero_ms, layout);
    if (options.most_tokens > 0) {
      left -= options.count_tokens(text);
      if (left < 0) break;
    }
    texts.push_back(std::move(text));
    --first;
  }
  for (auto line = first; line != lines.end(); ++line) {
    result.lines.push_back(line->fact);
    result.text += texts.back();
    texts.pop_back();
    const FactKind kind = line->fact.kind;
    result.heard = result.heard || kind == FactKind::kHeard || kind == FactKind::kSounded;
    const bool sees = kind == FactKind::kSeen && !line->fact.text.starts_with("nothing");
    result.seen = result.seen || sees || kind == FactKind::kMoved;
    result.evidence.insert(result.evidence.end(), line->evidence.begin(), line->evidence.end());
    if (line == first) result.from_ms = line->fact.t_start_ms;
    result.to_ms = std::max(result.to_ms, line->fact.t_end_ms);
  }
  return result;
}

}  // namespace vedette::daemon::narration
