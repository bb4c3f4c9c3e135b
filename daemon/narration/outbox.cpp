#include "daemon/narration/outbox.h"

#include <deque>
#include <map>
#include <mutex>
#include <utility>

namespace vedette::daemon::narration {

namespace {

constexpr std::size_t kMostWaiting = 16;  // records; then the first goes out without its picture

}  // namespace

struct Outbox::Shared {
  struct Entry {
    sinks::Record record;
    std::uint64_t picture = 0;  // number of the picture that it waits for; 0: none
  };

  sinks::Publisher& publisher;
  std::function<void(const std::string&, const std::string&)> on_frame;
  mutable std::mutex mutex;
  std::deque<Entry> waiting;
  std::map<std::string, std::string> paths;  // of the records that are open
  std::uint64_t pictures = 0;
  Stats stats;

  Shared(sinks::Publisher& to, std::function<void(const std::string&, const std::string&)> tell)
      : publisher(to), on_frame(std::move(tell)) {}

  // All of these require that mutex is held.
  void publish(sinks::Record record) {
    const auto path = paths.find(record.id);
    if (path != paths.end()) {
      record.evidence.push_back(path->second);
      const bool ends =
          record.state == sinks::RecordState::kClose || record.state == sinks::RecordState::kWithdraw;
      if (ends) paths.erase(path);
    }
    ++stats.records;
    if (publisher.publish(std::move(record)) != sinks::PublishOutcome::kAccepted) ++stats.dropped;
  }
  void pump() {
    while (!waiting.empty() && (waiting.front().picture == 0 || waiting.size() > kMostWaiting)) {
      if (waiting.front().picture != 0) ++stats.without;
      sinks::Record record = std::move(waiting.front().record);
      waiting.pop_front();
      publish(std::move(record));
    }
  }

  void picture_is_done(std::uint64_t number, const std::string& path) {
    const std::lock_guard lock(mutex);
    for (Entry& entry : waiting) {
      if (entry.picture != number) continue;
      entry.picture = 0;
      if (path.empty()) {
        ++stats.without;
      } else {
        paths[entry.record.id] = path;
        if (on_frame) on_frame(entry.record.id, path);
      }
    }
    pump();
  }
};

Outbox::Outbox(sinks::Publisher& publisher, evidence::EvidenceStore* store,
               std::function<void(const std::string& record_id, const std::string& path)> on_frame)
    : store_(store), shared_(std::make_shared<Shared>(publisher, std::move(on_frame))) {}

Outbox::~Outbox() {
  flush();
  const std::lock_guard lock(shared_->mutex);
  shared_->on_frame = {};
}

void Outbox::push(sinks::Record record, models::runtime::ImageFrame picture) {
  std::uint64_t number = 0;
  const std::string stream = record.stream;
  {
    const std::lock_guard lock(shared_->mutex);
    if (store_ != nullptr && picture.owner != nullptr) number = ++shared_->pictures;
    shared_->waiting.push_back({std::move(record), number});
    shared_->pump();
  }
  if (number == 0) return;
  // The callback may come at once, and after this is gone.
  store_->keep(stream, std::move(picture),
               [shared = std::weak_ptr(shared_), number](const std::string& path) {
                 if (const auto alive = shared.lock()) alive->picture_is_done(number, path);
               });
}

void Outbox::flush() {
  const std::lock_guard lock(shared_->mutex);
  for (Shared::Entry& entry : shared_->waiting) {
    if (entry.picture != 0) ++shared_->stats.without;
    entry.picture = 0;
  }
  shared_->pump();
}

Outbox::Stats Outbox::stats() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->stats;
}

}  // namespace vedette::daemon::narration
