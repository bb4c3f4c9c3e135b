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

settings::StreamChanges Fleet::apply(const std::vector<settings::StreamSettings>& streams,
                                     const std::set<std::string>& refused) {
  const settings::StreamChanges changes = settings::compare(settings_, streams);
  std::vector<std::string> ending = changes.removed, starting = changes.added;
  for (const auto& stream : settings_) {
    const bool changed = std::ranges::find(changes.changed, stream.id) != changes.changed.end();
    if (changed || refused.contains(stream.id) != refused_.contains(stream.id)) {
      ending.push_back(stream.id);
      starting.push_back(stream.id);
    }
  }
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
  refused_ = refused;
  for (const auto& stream : streams) {
    if (std::ranges::find(starting, stream.id) != starting.end()) start(stream);
  }
  return changes;
}

void Fleet::set_pace(double pictures, double captions) {
  caption_share_ = captions;
  supervisor_.set_picture_share(pictures);
  for (const auto& stream : settings_) slow(stream);
}

// A file that is read as fast as it can be waits for its turn instead.
void Fleet::slow(const settings::StreamSettings& stream) const {
  if (const auto narration = find(stream.id); narration && !stream.reads_fast())
    narration->sight()->set_caption_share(caption_share_);
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
  slow(stream);
  ledger_.book(stream.id, {stream.sound, stream.video});
  auto feed = std::make_shared<ledger::LedgerFeed>(stream.id, ledger_, narration,
                                                   [narration] { return narration->stats().shed; });
  if (refused_.contains(stream.id)) return feed->on_status({streams::StreamState::kRefused, "no_room", 0});
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
