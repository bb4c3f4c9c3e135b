#pragma once

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/narration/words.h"

namespace vedette::daemon::narration {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// "And 0.1-0.3 so, 0.4-0.8" as words with times in seconds.
inline std::vector<TimedWord> words(const std::string& text) {
  std::vector<TimedWord> result;
  std::istringstream in(text);
  std::string word;
  double start = 0.0;
  double end = 0.0;
  char dash = 0;
  while (in >> word >> start >> dash >> end) {
    result.push_back({" " + word, nanoseconds(static_cast<std::int64_t>(start * 1e9)),
                      nanoseconds(static_cast<std::int64_t>(end * 1e9)), 0.9F});
  }
  return result;
}

}  // namespace vedette::daemon::narration
