#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "daemon/narration/stream_book.h"
#include "daemon/streams/feed.h"
#include "models/audio/sound_head.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

// The sounds of one stream that are no words, by name: one `sound` record from the first span in which a
// class is the likeliest, and likely enough, to the last; a pause of a second does not end it. One sound at a
// time: the head says which is the likeliest. Speech gets a record but no fact, as its words are facts;
// silence gets neither. Not thread-safe.
class SoundEvents {
 public:
  // `head` may be null: then there are none. It and the book must outlive this.
  SoundEvents(std::string stream, std::string model, StreamBook& book, const models::audio::SoundHead* head)
      : stream_(std::move(stream)), model_(std::move(model)), book_(book), head_(head) {}

  // The new sound of a window; windows may overlap. Returns the records to publish, in order.
  std::vector<sinks::Record> take(const streams::HeardWindow& window, const base::ClockMap& clock);
  // The epoch ends.
  std::vector<sinks::Record> end();

 private:
  void listen(const std::vector<float>& probabilities, std::chrono::nanoseconds start,
              std::chrono::nanoseconds end, const base::ClockMap& clock, std::vector<sinks::Record>& records);
  void open(std::size_t sound, std::chrono::nanoseconds start, const base::ClockMap& clock);
  void close(std::vector<sinks::Record>& records);

  const std::string stream_, model_;
  StreamBook& book_;
  const models::audio::SoundHead* const head_;
  base::MediaTime heard_;              // what is before has been listened to
  std::optional<std::size_t> sound_;   // class that sounds
  std::chrono::nanoseconds until_{0};  // it was last heard
  int missed_ = 0;                     // spans without it since
  sinks::Record record_;               // of it
};

}  // namespace vedette::daemon::narration
