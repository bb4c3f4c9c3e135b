#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "daemon/narration/stream_book.h"
#include "daemon/streams/feed.h"
#include "models/audio/sound_head.h"
#include "models/runtime/sound_projecting.h"
#include "sinks/record.h"

namespace vedette::daemon::narration {

// The sounds of one stream that are no words, by name: one `sound` record from the first span in which a
// class is the likeliest, and likely enough, to the last; a pause of a second does not end it. One sound at a
// time: the head says which is the likeliest. Beside speech only what is beyond doubt is named, and a
// doubtful sound, or one of less than a whole span, waits for the next, which may say speech, or another.
// Speech gets a record but no fact, as its words are facts; silence gets neither. Not thread-safe.
class SoundEvents {
 public:
  // `head` may be null: then there are none; `rows` too: then they have names alone. They and the book must
  // outlive this.
  SoundEvents(std::string stream, std::string model, StreamBook& book, const models::audio::SoundHead* head,
              models::runtime::SoundProjecting* rows = nullptr)
      : stream_(std::move(stream)), model_(std::move(model)), book_(book), head_(head), projector_(rows) {}

  // The new sound of a window; windows may overlap. Returns the records to publish, in order.
  std::vector<sinks::Record> take(const streams::HeardWindow& window, const base::ClockMap& clock);
  // Of the sounds that became facts since the last call: the record's id, and the span that named it as the
  // language model reads it.
  std::vector<std::pair<std::string, models::tensor::Tensor>> take_rows() { return std::exchange(rows_, {}); }
  // The epoch ends.
  std::vector<sinks::Record> end();

 private:
  struct Span {  // of encoder states, and of time
    const models::tensor::Tensor& features;
    std::int64_t first = 0, count = 0;
    std::chrono::nanoseconds start{0}, end{0};
  };
  void listen(const Span& span, const base::ClockMap& clock, std::vector<sinks::Record>& records);
  models::tensor::Tensor rows_of(const Span& span, std::size_t sound) const;
  struct Heard {
    std::size_t sound = 0;  // class
    float probability = 0.0F;
    std::chrono::nanoseconds start{0}, end{0};
    models::tensor::Tensor rows;  // empty: there is no projector
  };
  void open(Heard heard, const base::ClockMap& clock, std::vector<sinks::Record>& records);
  void name_held(const base::ClockMap& clock, std::vector<sinks::Record>& records);
  void close(std::vector<sinks::Record>& records);

  const std::string stream_, model_;
  StreamBook& book_;
  const models::audio::SoundHead* const head_;
  models::runtime::SoundProjecting* const projector_;
  std::vector<std::pair<std::string, models::tensor::Tensor>> rows_;
  base::MediaTime heard_;                                 // what is before has been listened to
  std::optional<std::chrono::nanoseconds> spoken_until_;  // end of the last span with speech in it
  std::optional<Heard> held_;                             // doubtful: named unless speech follows
  std::optional<std::size_t> sound_;                      // class that sounds
  std::chrono::nanoseconds since_{0}, until_{0};          // it was first and last heard
  int missed_ = 0;                                        // spans without it since
  sinks::Record record_;                                  // of it
};

}  // namespace vedette::daemon::narration
