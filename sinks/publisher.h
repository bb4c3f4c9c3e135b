#pragma once

#include <cstdint>
#include <string_view>

#include "sinks/record.h"
#include "sinks/state.h"

namespace vedette::sinks {

enum class PublishOutcome : std::uint8_t { kAccepted, kDroppedFull, kDroppedNotOwner, kDroppedClosed };

// Where records go. Never blocks: a record is accepted into a bounded queue, or dropped with a reason and
// counted. Thread-safe. Implementations: redis/ (the service), a fake in the tests, and the command's own
// printers.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual PublishOutcome publish(Record record) = 0;
  // Text as it is generated, to the live channel of the stream; lost when nobody listens.
  virtual void publish_live(std::string_view stream, std::string_view text) = 0;
  // What is known of the stream now; the newest value of each field wins.
  virtual void publish_state(StateUpdate update) = 0;
};

}  // namespace vedette::sinks
