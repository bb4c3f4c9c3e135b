#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "daemon/http/event_log.h"
#include "sinks/question.h"

namespace vedette::daemon::http {

struct DeskLimits {                 // as those of questions that come through Redis
  std::size_t open = 32;            // questions being answered at a time
  std::size_t open_per_client = 4;  // of one address
  std::size_t kept = 64;            // questions whose answers can still be read
  std::chrono::milliseconds answer_within{120'000};
};

// Questions that come by HTTP, and their answers: each step goes out as an event `answer`, and the newest can
// be read. Thread-safe.
class QuestionDesk {
 public:
  using Clock = std::chrono::steady_clock;

  // `events` must outlive this; the callbacks that `handler` gets may outlive both.
  QuestionDesk(EventLog& events, sinks::QuestionHandler handler, DeskLimits limits = {},
               std::function<Clock::time_point()> now = Clock::now);
  ~QuestionDesk();

  struct Reply {
    int status = 202;  // HTTP's
    std::string id;    // of the question, with 202
    std::string error;
  };
  // `body`: {"stream", "text", "from_ms"?, "to_ms"?}. `client`: who asks, for the limit.
  Reply ask(const std::string& body, const std::string& client);
  // The newest step of an answer, as JSON; "" when there is no such question (any more).
  std::string answer(const std::string& id);
  // Answers what has been open for too long.
  void expire();

 private:
  struct Table;
  const sinks::QuestionHandler handler_;
  const DeskLimits limits_;
  const std::function<Clock::time_point()> now_;
  const std::shared_ptr<Table> table_;
};

}  // namespace vedette::daemon::http
