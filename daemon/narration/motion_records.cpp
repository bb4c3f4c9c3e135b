#include "daemon/narration/motion_records.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace vedette::daemon::narration {

using signals::MotionEvent;
using signals::MotionKind;
using signals::MotionPhase;
using sinks::Record;
using sinks::RecordState;

namespace {

std::string details_of(const MotionEvent& event) {
  nlohmann::json details = {{"kind", signals::tag_of(event.kind)}};
  if (event.kind == MotionKind::kThings) {
    details["count"] = event.count;
    details["region"] = signals::words_of(event.region);
    details["enters"] = event.enters;
    details["leaves"] = event.leaves;
  }
  if (event.direction != signals::Direction::kUnsure)
    details["direction"] = signals::words_of(event.direction);
  if (event.kind == MotionKind::kLight) details["brighter"] = event.brighter;
  return details.dump();
}

}  // namespace

Record MotionRecords::close(Open& open) {
  open.record.state = RecordState::kClose;
  ++open.record.rev;
  book_.timeline.settle(open.record.id, open.record.text, open.end.t, open.record.t_end_ms);
  return std::move(open.record);
}

std::vector<Record> MotionRecords::take(const MotionEvent& event, const base::ClockMap& clock) {
  auto known = open_.find(event.kind);
  const bool is_new = known == open_.end();
  if (is_new && event.phase == MotionPhase::kUpdate) return {};  // of an epoch that is over
  Open& open = is_new ? open_[event.kind] : known->second;
  Record& record = open.record;
  const std::string text = signals::words_of(event);
  if (is_new) open.start = event.start;
  open.end = event.end;
  record.t_start_ms = clock.utc_ms(open.start.t);
  record.t_end_ms = std::max(record.t_start_ms, clock.utc_ms(event.end.t));
  record.score = std::max(record.score.value_or(0.0), static_cast<double>(event.score));
  record.details = details_of(event);
  if (is_new) {
    record.id = book_.ids.next();
    record.stream = stream_;
    record.kind = sinks::Kind::kMotion;
    record.state = RecordState::kOpen;
    record.clock = base::to_string(clock.source);
    record.clock_error_ms = std::chrono::ceil<std::chrono::milliseconds>(clock.error).count();
    record.text = text;
    Fact fact;
    fact.kind = FactKind::kMoved;
    fact.start = event.start;
    fact.end = event.end.t;
    fact.t_start_ms = record.t_start_ms;
    fact.t_end_ms = record.t_end_ms;
    fact.open = true;
    fact.label = signals::tag_of(event.kind);
    fact.text = text;
    fact.record_id = record.id;
    book_.timeline.add(std::move(fact));
  }
  std::vector<Record> records;
  const bool retold = record.text != text;
  record.text = text;
  if (event.phase == MotionPhase::kClose) {
    records.push_back(close(open));
    open_.erase(event.kind);
  } else if (is_new || retold) {
    if (!is_new) {
      record.state = RecordState::kUpdate;
      ++record.rev;
      book_.timeline.retell(record.id, text);
    }
    records.push_back(record);
  }
  return records;
}

std::vector<Record> MotionRecords::end() {
  std::vector<Record> records;
  for (auto& [kind, open] : open_) records.push_back(close(open));
  open_.clear();
  return records;
}

}  // namespace vedette::daemon::narration
