#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "daemon/narration/stream_book.h"
#include "signals/motion.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

// What is measured about movement in one stream, as `motion` records and as facts. Not thread-safe.
class MotionRecords {
 public:
  MotionRecords(std::string stream, StreamBook& book) : stream_(std::move(stream)), book_(book) {}

  // Returns the record to publish; empty when the event says nothing new. The clock gives both its times.
  std::vector<sinks::Record> take(const signals::MotionEvent& event, const base::ClockMap& clock);
  // The epoch ends: what is open closes where it was last seen.
  std::vector<sinks::Record> end();

 private:
  struct Open {
    sinks::Record record;
    base::MediaTime start, end;
  };
  sinks::Record close(Open& open);

  const std::string stream_;
  StreamBook& book_;
  std::map<signals::MotionKind, Open> open_;
};

}  // namespace vedette::daemon::narration
