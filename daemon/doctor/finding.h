#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vedette::daemon::doctor {

enum class Level : std::uint8_t {
  kOk,
  kWarning,  // it works, but not as well as it could
  kProblem,  // it does not work
};

constexpr const char* to_string(Level level) {
  switch (level) {
    case Level::kOk: return "ok";
    case Level::kWarning: return "warning";
    case Level::kProblem: return "problem";
  }
  return "problem";
}

// One thing that was looked at.
struct Finding {
  Level level = Level::kOk;
  std::string subject;  // "stream gate", "redis", "disk"
  std::string text;     // what is; without passwords
  std::string todo;     // what to do about it; empty: nothing
};
using Findings = std::vector<Finding>;

}  // namespace vedette::daemon::doctor
