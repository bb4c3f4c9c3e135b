#pragma once

#include <string>

#include "daemon/admission/plan.h"
#include "daemon/metrics/metrics.h"

namespace vedette::daemon::admission {

// One line each, for the log.
std::string told(const Costs& costs);
std::string told(const Plan& plan);  // "level 2 (every fourth picture), 68 % of the machine predicted"

// vedette_admission_*. `busy`: share of the machine's time that the models take, as measured.
void write(metrics::Scrape& scrape, const Costs& costs, const Plan& plan, double busy);

}  // namespace vedette::daemon::admission
