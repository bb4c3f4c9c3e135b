#include "daemon/admission/controller.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace vedette::daemon::admission {

namespace {

constexpr double kTooMuch = 1.15;  // of the share, from which a step is slower
constexpr double kRoom = 0.85;     // of the share, below which a step goes back
constexpr int kOver = 2;           // observations: slows soon
constexpr int kSoon = 12;          // observations: a step back within them was too early
constexpr int kLeastPatience = 3, kMostPatience = 48;

}  // namespace

Controller::Controller(const Costs& costs) : costs_(costs), patience_(kLeastPatience) {}

const Plan& Controller::configure(std::vector<Demand> demands, double share) {
  demands_ = std::move(demands);
  share_ = share > 0 ? share : std::numeric_limits<double>::infinity();
  plan_ = plan_for(demands_, costs_, share_);
  over_ = under_ = 0;
  patience_ = kLeastPatience;
  since_back_ = kMostPatience;
  return plan_;
}

bool Controller::observe(double busy) {
  over_ = busy > kTooMuch * share_ ? over_ + 1 : 0;
  under_ = has_room(busy) ? under_ + 1 : 0;
  since_back_ = std::min(since_back_ + 1, kMostPatience);
  if (over_ >= kOver) return slow_down();
  if (under_ >= patience_) return go_back();
  return false;
}

double Controller::predicted(int level) const {
  double load = 0;
  for (const Demand& demand : demands_) {
    if (std::ranges::find(plan_.refused, demand.stream) == plan_.refused.end())
      load += load_of(demand, costs_, level);
  }
  return load;
}

// The next level in this direction at which the streams that run ask for something else; this one where there
// is none. Without captions of a language model, say, some levels are alike.
int Controller::next_level(int step) const {
  const double now = predicted(plan_.level);
  int level = plan_.level;
  while (level + step >= 0 && level + step < kLevels) {
    level += step;
    if (predicted(level) != now) return level;
  }
  return step < 0 ? level : plan_.level;  // nothing asks for anything: all levels are alike
}

// The first stream that waits for room and may find it; null when there is none.
const Demand* Controller::next_refused() const {
  for (const Demand& demand : demands_) {
    if (std::ranges::find(plan_.refused, demand.stream) != plan_.refused.end() &&
        !is_too_large(demand, costs_, share_))
      return &demand;
  }
  return nullptr;
}

bool Controller::slow_down() {
  over_ = 0;
  const int level = next_level(+1);
  if (level == plan_.level) return false;  // the engine sheds what is left over
  patience_ = since_back_ < kSoon ? std::min(2 * patience_, kMostPatience) : kLeastPatience;
  plan_.level = level;
  plan_.load = predicted(level);
  return true;
}

// Whether what the next step back adds would fit beside what is measured now.
bool Controller::has_room(double busy) const {
  if (const Demand* next = next_refused())
    return busy + load_of(*next, costs_, plan_.level) <= kRoom * share_;
  if (plan_.level == 0) return false;
  const double now = predicted(plan_.level);
  const double grows = now > 0 ? predicted(next_level(-1)) / now : 1.0;
  return busy * grows <= kRoom * share_;
}

bool Controller::go_back() {
  under_ = since_back_ = 0;
  if (const Demand* next = next_refused()) {
    std::erase(plan_.refused, next->stream);
  } else {
    plan_.level = next_level(-1);
  }
  plan_.load = predicted(plan_.level);
  return true;
}

}  // namespace vedette::daemon::admission
