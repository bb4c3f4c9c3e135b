#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/event_log.h"
#include "sinks/publisher.h"
#include "sinks/question.h"

namespace vedette::daemon::http {

// What the page shows of every stream: the state that it is in, and its newest records. Stands before another
// publisher: all that passes is kept here for those who come later, and told to those who listen as events
// `record`, `state` and `answer`. Per stream and kind a fixed number of records is kept, of a bounded number
// of streams. Pictures that records name by their path are named by their address here. Thread-safe.
class LiveBoard : public sinks::Publisher {
 public:
  // Both must outlive this; `now_ms` is UTC.
  LiveBoard(sinks::Publisher& next, EventLog& events, std::function<std::int64_t()> now_ms);
  ~LiveBoard() override;

  sinks::PublishOutcome publish(sinks::Record record) override;
  void publish_live(std::string_view stream, std::string_view text) override;
  void publish_state(sinks::StateUpdate update) override;

  // {"id", "state", "reason", "shed_reason", "next_try_ms", "since_ms"}, and with `records` the kept ones,
  // oldest first. The state is "starting" of a stream that nothing is known of.
  nlohmann::json show(const std::string& stream, bool records) const;
  // The stream is no longer configured.
  void forget(const std::string& stream);

 private:
  struct Inside;
  sinks::Publisher& next_;
  EventLog& events_;
  const std::function<std::int64_t()> now_ms_;
  const std::unique_ptr<Inside> inside_;
};

// The addresses of those pictures of `paths` that are evidence (.../STREAM/MILLISECONDS.jpg):
// "/evidence/gate/17.jpg".
std::vector<std::string> picture_addresses(const std::vector<std::string>& paths);

// An answer's step as events and /api/questions/ID show it.
nlohmann::json to_json(const sinks::Answer& answer);

// As one line of UTF-8; what is not UTF-8 is replaced.
std::string to_line(const nlohmann::json& json);

}  // namespace vedette::daemon::http
