#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vedette::daemon::service {

// A part that works on what waits for it.
struct Part {
  std::string name;
  bool has_work = false;   // something waits or is under way
  std::uint64_t done = 0;  // counts up with all that it did
};

// Tells a service that works from one that only looks alive: systemd's watchdog is fed by this, not by a
// clock. One thread.
class Progress {
 public:
  // The names of the parts that had work at the previous look and still have, and did nothing in between.
  std::vector<std::string> stuck(const std::vector<Part>& parts);

 private:
  std::map<std::string, Part> before_;
};

}  // namespace vedette::daemon::service
