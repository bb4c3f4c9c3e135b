// The part of StreamSight that makes facts of what the encoder's heads say.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "daemon/narration/scene.h"
#include "daemon/narration/stream_sight.h"

namespace vedette::daemon::narration {

namespace {

// Faults of the picture that signals/ measures, as conditions are called.
bool is_measured(std::string_view fault) {
  constexpr std::array<std::string_view, 5> kMeasured = {"picture_black", "picture_blurred", "picture_noisy",
                                                         "picture_blocky", "picture_garbled"};
  return std::ranges::find(kMeasured, fault) != kMeasured.end();
}

}  // namespace

// What the encoder's heads say becomes a fact whenever it is something else than before.
void StreamSight::note_sightings(const streams::SeenFrame& frame) {
  has_heads_ = has_heads_ || !frame.sightings.empty();
  if (!has_heads_) return;
  sightings_ = frame.sightings;
  const auto of_picture = std::ranges::stable_partition(
      sightings_, [](const models::runtime::Sighting& one) { return !one.of_picture; });
  std::vector<models::runtime::Sighting> likely(of_picture.begin(), of_picture.end());
  sightings_.erase(of_picture.begin(), of_picture.end());
  const auto fault = std::ranges::find_if(
      likely, [](const models::runtime::Sighting& one) { return one.what.starts_with("picture_"); });
  note_fault(frame.time, fault == likely.end() ? std::string() : fault->what);
  likely.erase(fault, likely.end());  // which is the last, where there is one
  const std::string doubt = doubt_text(sightings_, likely), names = names_of(sightings_) + doubt;
  if (names == seen_) return;
  seen_ = names;
  Fact fact;
  fact.kind = FactKind::kSeen;
  fact.start = frame.time;
  fact.end = frame.time.t;
  fact.t_start_ms = fact.t_end_ms = clock_of(epoch_).utc_ms(frame.time.t);
  timeline_.close("sees", fact.end, fact.t_end_ms);
  fact.open = true;  // it holds until something else is seen
  fact.label = "sees";
  fact.text = sighting_text(sightings_) + doubt;
  timeline_.add(std::move(fact));
}

// What the heads find wrong with the picture becomes a condition once two pictures in a row show it; likewise
// its end. Measurement wins: of what is measured the heads' word is not taken, and while it finds something
// wrong they are not asked what else might be.
void StreamSight::note_fault(base::MediaTime time, std::string fault) {
  if (is_measured(fault) || measured_fault()) fault.clear();
  const bool again = fault == fault_;
  if (!again) fault_since_ = time;
  fault_ = fault;
  if (!again || fault == told_fault_) return;
  if (!told_fault_.empty()) timeline_.close(told_fault_, time.t, clock_of(epoch_).utc_ms(time.t));
  told_fault_ = fault;
  if (fault.empty()) return;
  Fact fact;
  fact.kind = FactKind::kCondition;
  fact.start = fault_since_;
  fact.end = time.t;
  fact.t_start_ms = clock_of(epoch_).utc_ms(fault_since_.t);
  fact.t_end_ms = clock_of(epoch_).utc_ms(time.t);
  fact.open = true;
  fact.label = fault;
  timeline_.add(std::move(fact));
}

// Whether a fault of the picture that signals/ measures is open. A frozen picture may be covered, too.
bool StreamSight::measured_fault() const {
  const std::vector<Fact> open = timeline_.open();
  return std::ranges::any_of(open, [&](const Fact& fact) {
    return fact.kind == FactKind::kCondition && fact.start.epoch == epoch_ && is_measured(fact.label);
  });
}

}  // namespace vedette::daemon::narration
