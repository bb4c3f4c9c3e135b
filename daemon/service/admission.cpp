#include "daemon/service/admission.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/log.h"
#include "daemon/admission/report.h"
#include "daemon/narration/plain_conditions.h"

namespace vedette::daemon::service {

using admission::Demand;
using admission::Plan;
using base::LogLevel;

namespace {

constexpr const char* kSubject = "admission";

}  // namespace

Admission::Admission(models::runtime::Runtime& models, const narration::PromptWriter* writer, Fleet& fleet,
                     sinks::Publisher& publisher)
    : models_(models),
      writer_(writer),
      fleet_(fleet),
      publisher_(publisher),
      costs_(admission::measure_costs(models)),
      controller_(costs_),
      usage_(admission::usage_of(models)) {
  base::log(LogLevel::kInfo, kSubject, admission::told(costs_));
}

// A file that is read as fast as it can be waits for its turn, however long that is.
Demand Admission::demand_of(const settings::StreamSettings& stream) const {
  Demand demand;
  demand.stream = stream.id;
  if (stream.reads_fast()) return demand;
  if (stream.sound) demand.sound = 1;
  if (!stream.video) return demand;
  demand.pictures_per_second = stream.video_rate_hz;
  const bool narrates = writer_ != nullptr && writer_->layout().narrates;
  if (narrates && stream.caption.enabled)
    demand.captions_per_second = 1.0 / std::chrono::duration<double>(stream.caption.every).count();
  for (const auto& rule : stream.alerts) {
    if (narrates || !narration::PlainCondition::parse(rule.when))  // else the facts decide it
      demand.checks_per_second += stream.video_rate_hz;
  }
  return demand;
}

settings::StreamChanges Admission::apply(const settings::Settings& settings) {
  streams_ = settings.streams;
  std::vector<Demand> demands;
  for (const auto& stream : streams_) demands.push_back(demand_of(stream));
  controller_.configure(std::move(demands), settings.admission_share);
  return carry_out("");
}

settings::StreamChanges Admission::carry_out(const std::string& why) {
  const Plan& plan = controller_.plan();
  const bool whole = plan.level == 0 && plan.refused.empty();
  base::log(whole ? LogLevel::kInfo : LogLevel::kWarning, kSubject, why + admission::told(plan));
  {
    const std::lock_guard lock(mutex_);
    shown_ = plan;
  }
  const admission::Pace& pace = admission::pace_of(plan.level);
  fleet_.set_pace(pace.pictures, pace.captions);
  const auto changes =
      fleet_.apply(streams_, std::set<std::string>(plan.refused.begin(), plan.refused.end()));
  tell();
  usage_ = admission::usage_of(models_);  // what comes next is another load
  return changes;
}

void Admission::tell() const {
  const Plan& plan = controller_.plan();
  for (const auto& stream : streams_) {
    sinks::StateUpdate update;
    update.stream = stream.id;
    update.shed_level = plan.level;
    update.shed_reason = admission::pace_of(plan.level).told;
    publisher_.publish_state(std::move(update));
  }
}

void Admission::look() {
  const auto now = admission::usage_of(models_);
  const double busy = admission::taken(usage_, now);
  usage_ = now;
  {
    const std::lock_guard lock(mutex_);
    busy_ = busy;
  }
  // A file that is read as fast as it can be takes all there is, at the others' leisure.
  if (std::ranges::any_of(streams_, &settings::StreamSettings::reads_fast)) return;
  if (!controller_.observe(busy)) return;
  char why[64];
  std::snprintf(why, sizeof why, "%.0f %% of the machine is taken: now ", busy * 100);
  carry_out(why);
}

void Admission::write(metrics::Scrape& scrape) const {
  const std::lock_guard lock(mutex_);
  admission::write(scrape, costs_, shown_, busy_);
}

}  // namespace vedette::daemon::service
