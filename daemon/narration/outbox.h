#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/evidence/evidence_store.h"
#include "models/runtime/image_encoding.h"
#include "sinks/publisher.h"

namespace vedette::daemon::narration {

// The way of one stream's records to the publisher, past the pictures that they rest on: a record whose
// picture is being written waits for it, and those behind it wait too, so that their order stays. The
// revisions of a record carry its picture's path as well. A disk that hangs holds up a few records at most;
// then they go out without. Thread-safe, does not block.
class Outbox {
 public:
  struct Stats {
    std::uint64_t records = 0, dropped = 0;  // given to the publisher; refused by it
    std::uint64_t without = 0;               // whose picture could not be kept
  };

  // `on_frame` is told the path of each picture, on the store's thread, and must not come back here.
  // Publisher and store must outlive this, the store may be null.
  Outbox(sinks::Publisher& publisher, evidence::EvidenceStore* store,
         std::function<void(const std::string& record_id, const std::string& path)> on_frame = {});
  ~Outbox();  // as flush()

  // `picture`: what the record rests on; without an owner: nothing that is not told already.
  void push(sinks::Record record, models::runtime::ImageFrame picture = {});
  // What waits goes out now, without the pictures that are not there yet.
  void flush();
  Stats stats() const;

 private:
  struct Shared;
  evidence::EvidenceStore* const store_;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace vedette::daemon::narration
