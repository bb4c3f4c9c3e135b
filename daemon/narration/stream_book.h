#pragma once

#include <string>

#include "daemon/narration/timeline.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

// What the parts of one stream's story share: the timeline, and the ids of its records. Thread-safe.
struct StreamBook {
  StreamBook(const std::string& stream, std::int64_t epoch_start_ms, const TimelineOptions& options)
      : timeline(options), ids(stream, epoch_start_ms) {}

  Timeline timeline;
  sinks::RecordIds ids;
};

}  // namespace vedette::daemon::narration
