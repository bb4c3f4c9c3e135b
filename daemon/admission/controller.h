#pragma once

#include <vector>

#include "daemon/admission/plan.h"

namespace vedette::daemon::admission {

// Keeps a plan true to what is measured: slows by a step when more than the share is taken, and goes back by
// a step once what that adds fits again, for a while: refused streams first. After a step back that did not
// last the next one is waited for twice as long. Nothing that runs is refused later. Not thread-safe.
class Controller {
 public:
  explicit Controller(const Costs& costs);

  // These streams are configured now. `share`: of the machine's time that they may take; 0: any.
  const Plan& configure(std::vector<Demand> demands, double share);
  // So much of the machine was taken since the last call, some seconds ago. True: the plan is another one.
  bool observe(double busy);
  const Plan& plan() const { return plan_; }

 private:
  bool slow_down();
  bool has_room(double busy) const;
  bool go_back();
  double predicted(int level) const;  // of the streams that are not refused
  int next_level(int step) const;
  const Demand* next_refused() const;

  const Costs costs_;
  double share_ = 0;
  std::vector<Demand> demands_;
  Plan plan_;
  int over_ = 0, under_ = 0;  // observations in a row
  int since_back_ = 0;        // observations
  int patience_ = 0;          // so many under before a step back
};

}  // namespace vedette::daemon::admission
