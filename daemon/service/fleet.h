#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/ledger/ledger.h"
#include "daemon/metrics/metrics.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/settings/change.h"
#include "daemon/settings/settings.h"
#include "daemon/streams/supervisor.h"

namespace vedette::daemon::service {

// What a fleet asks of the parts around it.
struct FleetHooks {
  std::function<std::shared_ptr<narration::StreamNarration>(const settings::StreamSettings&)> narrate;
  // These are the streams from now on, and those are gone for good: called between the end of what stops and
  // the beginning of what starts.
  std::function<void(const std::vector<std::string>& ids, const std::vector<std::string>& gone)> configured;
};

// The streams that run: each from its source past the ledger into its narration. There is one way to have
// others: apply(), at the start as at a reload. `apply` and the destructor: one thread; the rest: any.
class Fleet {
 public:
  // The ledger must outlive this. Throws: as Supervisor.
  Fleet(gst::RuntimeHandle models, ledger::Ledger& ledger, FleetHooks hooks);
  ~Fleet();  // stops all; what is open closes
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // From now on these streams run. One whose settings are as they were is not touched; one that changed is
  // stopped and started anew. Returns once what had to stop has stopped, within 5 s.
  // `refused`: ids of those for which there is no room: they are there, and say so, but do not run.
  settings::StreamChanges apply(const std::vector<settings::StreamSettings>& streams,
                                const std::set<std::string>& refused = {});
  // How much of what is configured is done, from now on, of pictures and of captions: 0 to 1.
  void set_pace(double pictures, double captions);

  // Null: there is no such stream.
  std::shared_ptr<narration::StreamNarration> find(const std::string& stream) const;
  // Ids of the streams, in the order of the configuration.
  std::vector<std::string> ids() const;
  // Of them, those whose first attempt has not come to anything yet.
  std::vector<std::string> starting() const;
  void write(metrics::Scrape& scrape) const;

 private:
  void stop(const std::vector<std::string>& ids);
  void start(settings::StreamSettings stream);
  void slow(const settings::StreamSettings& stream) const;

  const bool hears_;
  ledger::Ledger& ledger_;
  const FleetHooks hooks_;
  std::vector<settings::StreamSettings> settings_;
  std::set<std::string> refused_;
  double caption_share_ = 1.0;
  mutable std::mutex mutex_;  // guards both below
  std::vector<std::string> ids_;
  std::map<std::string, std::shared_ptr<narration::StreamNarration>> narrations_;
  streams::Supervisor supervisor_;
};

}  // namespace vedette::daemon::service
