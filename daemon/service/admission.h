#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "daemon/admission/controller.h"
#include "daemon/admission/costs.h"
#include "daemon/metrics/metrics.h"
#include "daemon/narration/prompt_writer.h"
#include "daemon/service/fleet.h"
#include "daemon/settings/settings.h"
#include "models/runtime/runtime.h"
#include "sinks/publisher.h"

namespace vedette::daemon::service {

// Lets as many streams into the fleet, as fast, as this machine can take, and says so. One thread, but for
// `write`.
class Admission {
 public:
  // Measures what work costs here, before anything else runs. `writer`: null without a language model. All
  // must outlive this.
  Admission(models::runtime::Runtime& models, const narration::PromptWriter* writer, Fleet& fleet,
            sinks::Publisher& publisher);

  // The fleet runs these streams from now on, as far as there is room.
  settings::StreamChanges apply(const settings::Settings& settings);
  // Compares what was planned with what is taken; every ten seconds.
  void look();
  void write(metrics::Scrape& scrape) const;

 private:
  admission::Demand demand_of(const settings::StreamSettings& stream) const;
  settings::StreamChanges carry_out(const std::string& why);
  void tell() const;

  models::runtime::Runtime& models_;
  const narration::PromptWriter* const writer_;
  Fleet& fleet_;
  sinks::Publisher& publisher_;
  const admission::Costs costs_;
  admission::Controller controller_;
  std::vector<settings::StreamSettings> streams_;
  admission::Usage usage_;    // at the last look
  mutable std::mutex mutex_;  // guards what `write` shows
  admission::Plan shown_;
  double busy_ = 0;
};

}  // namespace vedette::daemon::service
