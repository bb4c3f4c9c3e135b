#include "daemon/admission/plan.h"

#include <algorithm>
#include <array>

namespace vedette::daemon::admission {

namespace {

// Streets are quiet, rooms are empty and people pause: a camera with more to tell than that is slowed once it
// is measured.
constexpr double kActiveShare = 0.5;
// Of the share, above which a stream is refused: a prediction is not so sure that less could be.
constexpr double kSurelyTooMuch = 1.2;

double total(const std::vector<Demand>& demands, const Costs& costs, int level) {
  double sum = 0;
  for (const Demand& demand : demands) sum += load_of(demand, costs, level);
  return sum;
}

}  // namespace

const Pace& pace_of(int level) {
  static const std::array<Pace, kLevels> kPaces = {{
      {1.0, 1.0, ""},
      {0.5, 1.0, "every second picture"},
      {0.25, 1.0, "every fourth picture"},
      {0.25, 0.5, "every fourth picture, half of the language model's captions"},
      {0.25, 0.25, "every fourth picture, a quarter of the language model's captions"},
      {0.25, 0.0, "every fourth picture, captions from facts alone"},
  }};
  return kPaces[static_cast<std::size_t>(std::clamp(level, 0, kLevels - 1))];
}

double load_of(const Demand& demand, const Costs& costs, int level) {
  const Pace& pace = pace_of(level);
  return kActiveShare *
         (demand.pictures_per_second * pace.pictures * costs.picture +
          demand.captions_per_second * pace.captions * costs.caption +
          demand.checks_per_second * pace.pictures * costs.check + demand.sound * costs.sound_second);
}

bool is_too_large(const Demand& demand, const Costs& costs, double share) {
  return load_of(demand, costs, kLevels - 1) > kSurelyTooMuch * share;
}

Plan plan_for(const std::vector<Demand>& demands, const Costs& costs, double share) {
  Plan plan;
  std::vector<Demand> fitting;
  double slowest = 0;
  for (const Demand& demand : demands) {
    const double load = load_of(demand, costs, kLevels - 1);
    if (slowest + load <= kSurelyTooMuch * share) {
      slowest += load;
      fitting.push_back(demand);
    } else {
      plan.refused.push_back(demand.stream);
    }
  }
  while (plan.level < kLevels - 1 && total(fitting, costs, plan.level) > share) ++plan.level;
  plan.load = total(fitting, costs, plan.level);
  return plan;
}

}  // namespace vedette::daemon::admission
