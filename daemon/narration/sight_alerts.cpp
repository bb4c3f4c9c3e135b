// The part of StreamSight that checks rules and raises alerts.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "daemon/narration/error_text.h"
#include "daemon/narration/stream_sight.h"

namespace vedette::daemon::narration {

using models::runtime::FinishReason;
using models::runtime::ScoreRequest;
using models::runtime::ScoreResult;

namespace {

double rounded(float score) {
  return static_cast<double>(static_cast<int>(score * 1000.0F + 0.5F)) / 1000.0;
}

}  // namespace

// Something changed: asks the language model about each rule that is not being checked and has not raised an
// alert a moment ago.
void StreamSight::check_rules(base::MediaTime now, Actions& later) {
  if (options_.writer == nullptr) return;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    Rule& rule = rules_[i];
    if (rule.check != 0 || (rule.raised && now.t - rule.raised->t < rule.rule.cooldown)) continue;
    ScoreRequest request;
    request.session = prompt()->bring_up(clock_of(now.epoch).utc_ms(now.t));
    if (request.session == nullptr) return;
    request.prompt = prompt()->check(rule.rule.when);
    request.choices = options_.writer->yes_no();
    const std::uint64_t number = ++number_;
    rule.check = number;
    rule.time = now;
    rule.picture = latest_;
    later.push_back([self = weak_from_this(), &engine = engine_, i, number,
                     request = std::make_shared<ScoreRequest>(std::move(request))] {
      auto handle = engine.submit(std::move(*request), [self, i, number](ScoreResult result) {
        if (const auto sight = self.lock()) sight->on_check(i, number, std::move(result));
      });
      const auto sight = self.lock();
      if (sight == nullptr) return;
      const std::lock_guard lock(sight->mutex_);
      if (sight->rules_[i].check == number) sight->rules_[i].handle = std::move(handle);
    });
  }
}

void StreamSight::on_check(std::size_t index, std::uint64_t number, ScoreResult result) {
  const std::lock_guard lock(mutex_);
  Rule& rule = rules_[index];
  if (rule.check != number) return;
  rule.check = 0;
  rule.handle.reset();
  const bool scored = (result.reason == FinishReason::kStop || result.reason == FinishReason::kLength) &&
                      !result.probabilities.empty();
  if (scored && result.probabilities[0] >= rule.rule.threshold) {
    raise(rule, result.probabilities[0]);
  } else if (scored) {
    ++stats_.checks_below;
  } else if (result.reason == FinishReason::kShed || result.reason == FinishReason::kCancelled) {
    ++stats_.checks_shed;
  } else {
    ++stats_.checks_failed;
    base::log_limited(base::LogLevel::kError, stream_, "alert",
                      "the language model could not check a rule: " + message_of(result.error));
  }
  rule.picture = {};
}

void StreamSight::raise(Rule& rule, float score) {
  ++stats_.alerts_raised;
  rule.raised = rule.time;
  const base::ClockMap clock = clock_of(rule.time.epoch);
  sinks::Record record;
  record.id = book_->ids.next();
  record.stream = stream_;
  record.kind = sinks::Kind::kAlert;
  record.state = sinks::RecordState::kClose;
  record.t_start_ms = record.t_end_ms = clock.utc_ms(rule.time.t);
  record.clock = base::to_string(clock.source);
  record.clock_error_ms = std::chrono::ceil<std::chrono::milliseconds>(clock.error).count();
  record.text = record.rule = rule.rule.when;
  record.score = rounded(score);
  record.model = options_.think_model;
  record.prompt_hash = options_.writer->hash(rule.rule.when);
  record.details = nlohmann::json{{"decision", "raised"},
                                  {"threshold", rounded(rule.rule.threshold)},
                                  {"cooldown_s", std::chrono::duration<double>(rule.rule.cooldown).count()}}
                       .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  outbox_.push(std::move(record), std::move(rule.picture));
}

}  // namespace vedette::daemon::narration
