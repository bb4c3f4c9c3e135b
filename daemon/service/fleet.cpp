#include "daemon/service/fleet.h"

#include <algorithm>
#include <utility>

#include "daemon/ledger/ledger_feed.h"
#include "daemon/metrics/sources.h"

namespace vedette::daemon::service {

Fleet::Fleet(gst::RuntimeHandle models, ledger::Ledger& ledger, FleetHooks hooks)
    : hears_(models.hearing != nullptr),
      ledger_(ledger),
      hooks_(std::move(hooks)),
      supervisor_(std::move(models)) {}

Fleet::~Fleet() {
  stop(ids());
}

settings::StreamChanges Fleet::apply(const std::vector<settings::StreamSettings>& streams) {
  const settings::StreamChanges changes = settings::compare(settings_, streams);
  std::vector<std::string> ending = changes.removed;
  ending.insert(ending.end(), changes.changed.begin(), changes.changed.end());
  stop(ending);
  for (const std::string& id : changes.removed) {
    ledger_.book(id, {false, false});
    supervisor_.forget(id);
    const std::lock_guard lock(mutex_);
    narrations_.erase(id);
  }
  std::vector<std::string> ids;
  for (const auto& stream : streams) ids.push_back(stream.id);
  {
    const std::lock_guard lock(mutex_);
    ids_ = ids;
  }
  hooks_.configured(ids, changes.removed);
  for (const std::string& id : changes.removed) ledger_.forget(id);
  settings_ = streams;
  for (const auto& stream : streams) {
    const auto among = [&](const std::vector<std::string>& some) {
      return std::ranges::find(some, stream.id) != some.end();
    };
    if (among(changes.added) || among(changes.changed)) start(stream);
  }
  return changes;
}

// Sources first, all at once, then what is open closes. A stream that changes stays in the map, so that what
// is asked about it meanwhile is answered from what it knew.
void Fleet::stop(const std::vector<std::string>& ids) {
  supervisor_.stop(ids);
  for (const std::string& id : ids) {
    if (const auto narration = find(id)) narration->stop();
  }
}

void Fleet::start(settings::StreamSettings stream) {
  stream.sound = stream.sound && hears_;
  const auto narration = hooks_.narrate(stream);
  {
    const std::lock_guard lock(mutex_);
    narrations_[stream.id] = narration;
  }
  ledger_.book(stream.id, {stream.sound, stream.video});
  auto feed = std::make_shared<ledger::LedgerFeed>(stream.id, ledger_, narration,
                                                   [narration] { return narration->stats().shed; });
  supervisor_.start(std::move(stream), std::move(feed));
}

std::shared_ptr<narration::StreamNarration> Fleet::find(const std::string& stream) const {
  const std::lock_guard lock(mutex_);
  const auto found = narrations_.find(stream);
  return found != narrations_.end() ? found->second : nullptr;
}

std::vector<std::string> Fleet::ids() const {
  const std::lock_guard lock(mutex_);
  return ids_;
}

std::vector<std::string> Fleet::starting() const {
  std::vector<std::string> ids;
  for (const auto& [id, figures] : supervisor_.figures()) {
    if (!figures->tried()) ids.push_back(id);
  }
  return ids;
}

void Fleet::write(metrics::Scrape& scrape) const {
  for (const auto& [id, figures] : supervisor_.figures()) metrics::write(scrape, id, figures->counters());
  for (const std::string& id : ids()) {
    if (const auto narration = find(id)) metrics::write(scrape, id, narration->sight()->stats());
  }
}

}  // namespace vedette::daemon::service
