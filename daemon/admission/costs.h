#pragma once

#include <array>
#include <chrono>

#include "daemon/admission/plan.h"
#include "models/runtime/runtime.h"

namespace vedette::daemon::admission {

// Measures what work costs on this machine, in processor seconds of all its cores together: a few runs of the
// loaded models, about a second in all. Blocks; call it before anything else asks of the models. What the
// runtime cannot do costs nothing; what takes longer than `longest` costs what it took so far.
Costs measure_costs(models::runtime::Runtime& models,
                    std::chrono::nanoseconds longest = std::chrono::seconds(5));

// What was used since the start of the process.
struct Usage {
  double wall_seconds = 0;               // any origin
  double processor_seconds = 0;          // of all threads
  std::array<double, 3> stop_seconds{};  // in which the engine, the encoder of sound, that of pictures worked
};
Usage usage_of(models::runtime::Runtime& models);

// Share of the machine that was taken between two of them: of the time of its cores, or, where that is more,
// of the time in which the busiest stop of the road can work; it is more where a GPU computes, or where
// others take the cores.
double taken(const Usage& before, const Usage& after);

}  // namespace vedette::daemon::admission
