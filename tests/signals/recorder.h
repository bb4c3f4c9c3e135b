#pragma once

#include <string>
#include <vector>

#include "signals/health.h"

namespace vedette::signals {

using namespace std::chrono_literals;

// Collects events; `lines()` are like "sound_silent on 2000 ms".
struct Recorder {
  std::vector<HealthEvent> events;

  HealthSink sink() {
    return [this](const HealthEvent& event) { events.push_back(event); };
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const HealthEvent& event : events) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(event.since.t).count();
      lines.push_back(std::string(to_string(event.condition)) + (event.active ? " on " : " off ") +
                      std::to_string(ms) + " ms");
    }
    return lines;
  }
};

inline base::MediaTime at(std::chrono::nanoseconds t, std::uint32_t epoch = 0) {
  return {epoch, t};
}

}  // namespace vedette::signals
