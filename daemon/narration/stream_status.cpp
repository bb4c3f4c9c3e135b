// The part of StreamNarration that tells of health and states: status records, open facts, the state hash.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/narration/stream_narration.h"

namespace vedette::daemon::narration {

using std::chrono::nanoseconds;

namespace {

// A source's reason may hold any bytes; those that are not UTF-8 must not throw.
constexpr auto kReplace = nlohmann::json::error_handler_t::replace;

// The state with its reason, as records and prompts show it: "reconnecting(refused)".
std::string label_of(const streams::StreamStatus& status) {
  std::string label = streams::to_string(status.state);
  if (!status.reason.empty()) label += "(" + status.reason + ")";
  return label;
}

}  // namespace

StreamNarration::OpenStatus StreamNarration::open_status(FactKind kind, const std::string& label,
                                                         base::MediaTime start, std::int64_t t_start_ms,
                                                         std::string details) {
  const base::ClockMap clock = clock_of(start.epoch);
  OpenStatus status;
  status.label = label;
  sinks::Record& record = status.record;
  record.id = ids_.next();
  record.stream = stream_;
  record.kind = sinks::Kind::kStatus;
  record.state = sinks::RecordState::kOpen;
  record.t_start_ms = record.t_end_ms = t_start_ms;
  record.clock = base::to_string(clock.source);
  record.clock_error_ms = std::chrono::ceil<std::chrono::milliseconds>(clock.error).count();
  record.text = label;
  record.details = std::move(details);
  Fact fact;
  fact.kind = kind;
  fact.start = start;
  fact.end = start.t;
  fact.t_start_ms = fact.t_end_ms = t_start_ms;
  fact.open = true;
  fact.label = label;
  fact.record_id = record.id;
  timeline_.add(std::move(fact));
  publish(record);
  return status;
}

void StreamNarration::close_status(OpenStatus& status, nanoseconds end, std::int64_t t_end_ms) {
  timeline_.close(status.label, end, t_end_ms);
  sinks::Record& record = status.record;
  record.state = sinks::RecordState::kClose;
  ++record.rev;
  record.t_end_ms = std::max(record.t_start_ms, t_end_ms);
  publish(std::move(record));
}

// The epoch ends: nobody will tell how its conditions went on.
void StreamNarration::close_conditions() {
  const std::int64_t end_ms = clock_of(newest_.epoch).utc_ms(newest_.t);
  for (auto& [condition, status] : conditions_) close_status(status, newest_.t, end_ms);
  conditions_.clear();
}

void StreamNarration::on_health(const signals::HealthEvent& event) {
  note_health(event);
  if (sight_) sight_->on_condition(event.since);
}

void StreamNarration::note_health(const signals::HealthEvent& event) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  const std::int64_t since_ms = clock_of(event.since.epoch).utc_ms(event.since.t);
  const auto known = conditions_.find(event.condition);
  if (event.active && known == conditions_.end()) {
    const nlohmann::json details = {{"condition", signals::to_string(event.condition)},
                                    {"measured", event.measured}};
    conditions_[event.condition] = open_status(FactKind::kCondition, signals::to_string(event.condition),
                                               event.since, since_ms, details.dump(-1, ' ', false, kReplace));
  } else if (!event.active && known != conditions_.end()) {
    close_status(known->second, event.since.t, since_ms);
    conditions_.erase(known);
  }
}

void StreamNarration::on_status(const streams::StreamStatus& status) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  sinks::StateUpdate update;
  update.stream = stream_;
  update.state = streams::to_string(status.state);
  update.reason = status.reason;
  update.next_try_ms = status.next_try_ms;
  publisher_.publish_state(std::move(update));
  const std::string label = label_of(status);
  if (status_ && status_->label == label) return;  // only the time of the next try moved
  const std::int64_t now_ms = base::utc_now_ms();
  if (status_) close_status(*status_, newest_.t, now_ms);
  status_.reset();
  const nlohmann::json details = {{"state", streams::to_string(status.state)},
                                  {"reason", status.reason},
                                  {"next_try_ms", status.next_try_ms}};
  status_ = open_status(FactKind::kStatus, label, newest_, now_ms, details.dump(-1, ' ', false, kReplace));
  if (status.state != streams::StreamState::kStopped) return;
  close_status(*status_, newest_.t, now_ms);
  status_.reset();
}

}  // namespace vedette::daemon::narration
