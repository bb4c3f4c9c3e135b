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

constexpr std::int64_t kHeardForMs = 10'000;  // words come some seconds after they were said
constexpr std::int64_t kViewForMs = 2'000;    // the light goes on in a moment

double rounded(float score) {
  return static_cast<double>(static_cast<int>(score * 1000.0F + 0.5F)) / 1000.0;
}

}  // namespace

// What is known now, for conditions that the facts decide.
Moment StreamSight::moment(base::MediaTime now) const {
  Moment moment;
  moment.scene = scene();
  const std::int64_t now_ms = clock_of(now.epoch).utc_ms(now.t);
  for (const Fact& fact : timeline_.between(now_ms - kHeardForMs, now_ms)) {
    if (fact.start.epoch != now.epoch) continue;
    if (fact.kind == FactKind::kHeard) moment.heard += (moment.heard.empty() ? "" : " ") + fact.text;
    const bool was = fact.kind == FactKind::kMoved && fact.label != "moves" && !fact.open;
    if (was && fact.t_end_ms >= now_ms - kViewForMs) moment.scene.view.push_back(fact.text);
  }
  if (options_.sounds != nullptr) moment.sounds = options_.sounds->classes();
  return moment;
}

// Something changed: checks each rule that is not being checked and has not raised an alert a moment ago.
void StreamSight::check_rules(base::MediaTime now, Actions& later) {
  std::optional<Moment> known;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    Rule& rule = rules_[i];
    if (rule.check != 0 || (rule.raised && now.t - rule.raised->t < rule.rule.cooldown)) continue;
    if (rule.plain) {
      if (rule.plain->needs_picture() && !looks_) continue;
      if (!known) known = moment(now);
      if (const auto score = rule.plain->score(*known)) {
        rule.time = now;
        rule.picture = latest_;
        decide(rule, *score, ScoredBy::kFacts);
        continue;
      }
    }
    if (!ask_about(i, now, later)) return;
  }
}

// Asks the language model about a rule. False: it has no room.
bool StreamSight::ask_about(std::size_t i, base::MediaTime now, Actions& later) {
  if (options_.writer == nullptr) return true;
  Rule& rule = rules_[i];
  ScoreRequest request;
  request.session = prompt()->bring_up(clock_of(now.epoch).utc_ms(now.t));
  if (request.session == nullptr) return false;
  models::runtime::PromptPiece asked = prompt()->check(rule.rule.when);
  request.prompt = std::move(asked.tokens);
  request.embeddings = std::move(asked.embeddings);
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
  return true;
}

void StreamSight::on_check(std::size_t index, std::uint64_t number, ScoreResult result) {
  const std::lock_guard lock(mutex_);
  Rule& rule = rules_[index];
  if (rule.check != number) return;
  rule.check = 0;
  rule.handle.reset();
  const bool scored = (result.reason == FinishReason::kStop || result.reason == FinishReason::kLength) &&
                      !result.probabilities.empty();
  if (scored) {
    decide(rule, result.probabilities[0], ScoredBy::kModel);
  } else if (result.reason == FinishReason::kShed || result.reason == FinishReason::kCancelled) {
    ++stats_.checks_shed;
  } else {
    ++stats_.checks_failed;
    base::log_limited(base::LogLevel::kError, stream_, "alert",
                      "the language model could not check a rule: " + message_of(result.error));
  }
  rule.picture = {};
}

void StreamSight::decide(Rule& rule, float score, ScoredBy by) {
  if (score >= rule.rule.threshold) {
    raise(rule, score, by);
  } else {
    ++stats_.checks_below;
  }
  rule.picture = {};
}

void StreamSight::raise(Rule& rule, float score, ScoredBy by) {
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
  if (by == ScoredBy::kModel) {
    record.model = options_.think_model;
    record.prompt_hash = options_.writer->hash(rule.rule.when);
  }
  record.details = nlohmann::json{{"decision", "raised"},
                                  {"scored_by", by == ScoredBy::kModel ? "model" : "facts"},
                                  {"threshold", rounded(rule.rule.threshold)},
                                  {"cooldown_s", std::chrono::duration<double>(rule.rule.cooldown).count()}}
                       .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  outbox_.push(std::move(record), std::move(rule.picture));
}

}  // namespace vedette::daemon::narration
