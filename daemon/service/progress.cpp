#include "daemon/service/progress.h"

namespace vedette::daemon::service {

std::vector<std::string> Progress::stuck(const std::vector<Part>& parts) {
  std::vector<std::string> names;
  for (const Part& part : parts) {
    const auto before = before_.find(part.name);
    if (before != before_.end() && before->second.has_work && part.has_work &&
        before->second.done == part.done) {
      names.push_back(part.name);
    }
    before_.insert_or_assign(part.name, part);
  }
  return names;
}

}  // namespace vedette::daemon::service
