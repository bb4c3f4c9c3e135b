#include "daemon/narration/sound_events.h"

#include <algorithm>
#include <utility>

namespace vedette::daemon::narration {

using sinks::Record;
using sinks::RecordState;
using std::chrono::nanoseconds;

namespace {

constexpr int kMostMissed = 1;             // spans that may lack a sound that goes on
constexpr float kGoesOn = 0.7F;            // of the probability that begins a sound is enough for it to go on
constexpr std::int64_t kLeastStates = 50;  // a shorter span says nothing
// Breath, echo and the gaps between words sound like this and that: what touches a span that has speech in it
// is named only when it is as likely as this.
constexpr float kSure = 0.8F;
constexpr float kSpoken = 0.35F;  // probability of speech from which a span has some in it

std::int64_t states_in(nanoseconds time, int per_second) {
  return time.count() * per_second / 1'000'000'000;
}
nanoseconds time_of(std::int64_t states, int per_second) {
  return nanoseconds(states * 1'000'000'000 / per_second);
}

double rounded(float value) {
  return static_cast<double>(static_cast<int>(value * 1000.0F + 0.5F)) / 1000.0;
}

}  // namespace

std::vector<Record> SoundEvents::take(const streams::HeardWindow& window, const base::ClockMap& clock) {
  std::vector<Record> records;
  if (head_ == nullptr) return records;
  if (window.start.epoch != heard_.epoch) heard_ = {window.start.epoch, nanoseconds{0}};
  if (window.features.empty()) {  // silence
    name_held(clock, records);
    close(records);
    heard_.t = std::max(heard_.t, window.start.t + window.length);
    return records;
  }
  const int rate = head_->states_per_second();
  const std::int64_t states = std::min(states_in(window.length, rate), window.features.shape()[0]);
  // Spans end a hop apart, the first of them a hop behind what was listened to.
  std::int64_t end =
      states_in(std::max(heard_.t, window.start.t) - window.start.t, rate) + head_->hop_states();
  for (; end <= states; end += head_->hop_states()) {
    const std::int64_t first = std::max<std::int64_t>(0, end - head_->span_states());
    heard_.t = window.start.t + time_of(end, rate);
    if (end - first < kLeastStates) continue;
    listen({window.features, first, end - first, window.start.t + time_of(first, rate), heard_.t}, clock,
           records);
  }
  if (window.last) {
    name_held(clock, records);
    close(records);
  }
  return records;
}

// Speech has none: its words are told.
models::tensor::Tensor SoundEvents::rows_of(const Span& span, std::size_t sound) const {
  if (projector_ == nullptr || head_->classes()[sound] == "speech") return {};
  return projector_->project(span.features.view(), span.first, span.count);
}

void SoundEvents::listen(const Span& span, const base::ClockMap& clock, std::vector<Record>& records) {
  const std::vector<float> probabilities = head_->probabilities(span.features, span.first, span.count);
  const nanoseconds start = span.start, end = span.end;
  const auto best = static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
  const auto& classes = head_->classes();
  const auto speech = static_cast<std::size_t>(std::ranges::find(classes, "speech") - classes.begin());
  if (speech < classes.size() && probabilities[speech] >= kSpoken) {
    spoken_until_ = end;
    held_.reset();
  }
  const bool named = probabilities[best] >= head_->least() && classes[best] != "silence";
  if (held_ && named && held_->sound != best) held_.reset();  // its first second sounded like another
  name_held(clock, records);
  if (sound_ && probabilities[*sound_] >= kGoesOn * head_->least()) {
    missed_ = 0;
    until_ = end;
    record_.t_start_ms = clock.utc_ms(since_);
    record_.t_end_ms = std::max(record_.t_start_ms, clock.utc_ms(end));
    record_.score = std::max(*record_.score, rounded(probabilities[*sound_]));
    return;
  }
  // The head learned from whole spans; of a shorter one it is too sure.
  const bool doubtful = best != speech && (probabilities[best] < kSure || span.count < head_->span_states());
  const bool other = named && !(doubtful && spoken_until_ && start <= *spoken_until_);
  if (sound_ && (other || ++missed_ > kMostMissed)) close(records);
  if (!other || sound_) return;
  Heard heard{best, probabilities[best], std::max(start, until_), end, rows_of(span, best)};
  if (doubtful) {
    held_ = std::move(heard);
  } else {
    open(std::move(heard), clock, records);
  }
}

// The doubtful sound that waited for what follows, as neither speech nor another sound did.
void SoundEvents::name_held(const base::ClockMap& clock, std::vector<Record>& records) {
  if (held_) open(std::move(*held_), clock, records);
  held_.reset();
}

void SoundEvents::open(Heard heard, const base::ClockMap& clock, std::vector<Record>& records) {
  const nanoseconds start = heard.start;
  sound_ = heard.sound;
  since_ = start;
  until_ = heard.end;
  missed_ = 0;
  record_ = {};
  record_.id = book_.ids.next();
  record_.stream = stream_;
  record_.kind = sinks::Kind::kSound;
  record_.state = RecordState::kOpen;
  record_.t_start_ms = clock.utc_ms(start);
  record_.t_end_ms = std::max(record_.t_start_ms, clock.utc_ms(heard.end));
  record_.clock = base::to_string(clock.source);
  record_.clock_error_ms = std::chrono::ceil<std::chrono::milliseconds>(clock.error).count();
  record_.text = head_->classes()[heard.sound];
  record_.model = model_;
  record_.score = rounded(heard.probability);
  records.push_back(record_);
  if (record_.text == "speech") return;
  Fact fact;
  fact.kind = FactKind::kSounded;
  fact.start = {clock.epoch, start};
  fact.end = start;
  fact.t_start_ms = fact.t_end_ms = record_.t_start_ms;
  fact.open = true;
  fact.label = "sound";
  fact.text = record_.text;
  fact.record_id = record_.id;
  book_.timeline.add(std::move(fact));
  if (!heard.rows.empty()) rows_.emplace_back(record_.id, std::move(heard.rows));
}

void SoundEvents::close(std::vector<Record>& records) {
  if (!sound_) return;
  sound_.reset();
  record_.state = RecordState::kClose;
  ++record_.rev;
  book_.timeline.settle(record_.id, record_.text, until_, record_.t_end_ms);
  records.push_back(record_);
}

std::vector<Record> SoundEvents::end() {
  std::vector<Record> records;
  held_.reset();
  spoken_until_.reset();
  close(records);
  until_ = nanoseconds{0};
  heard_.t = nanoseconds{0};
  return records;
}

}  // namespace vedette::daemon::narration
