#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/redis/questions.h"

namespace vedette::sinks::redis {

// The requests that the intake holds, from reading them to their acknowledgement. Shared with the callbacks
// that the handler has, which may come late, from any thread, or never. Thread-safe.
class QuestionTable : public std::enable_shared_from_this<QuestionTable> {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Verdict : std::uint8_t { kOpened, kTwice, kBusy, kClientBusy };

  QuestionTable(RedisPublisher& publisher, const QuestionOptions& options)
      : publisher_(publisher), options_(options) {}

  bool holds(const std::string& entry_id) const;
  std::size_t size() const;
  // Makes the question open, unless a bound or another one with its id forbids it.
  Verdict open(const Question& question, Clock::time_point deadline);
  // The callback for an open question.
  AnswerCallback callback(const Question& question);
  // Answers a question that is not opened with an error. False when the publisher has no room: try again
  // later.
  bool refuse(const Question& question, std::string reason);
  // Answers what has been open for too long with an error.
  void expire(Clock::time_point now);
  // The request needs no answer (any more).
  void forget(const std::string& entry_id);
  // Entry ids to acknowledge; all that are held.
  std::vector<std::string> take_acknowledgements();
  std::vector<std::string> held() const;
  // They are acknowledged, and held no longer.
  void acknowledged(const std::vector<std::string>& entry_ids);
  // Callbacks do nothing from now on.
  void close();
  // Waits for something to acknowledge or for close; false after close.
  bool wait(std::chrono::milliseconds most);

  QuestionStats stats() const;
  template <class Change>
  void count(Change change) {
    const std::lock_guard lock(mutex_);
    change(stats_);
  }

 private:
  struct Item {
    Question question;
    std::uint32_t seq = 0;
    bool answered = false;  // its last answer is on its way
    Clock::time_point deadline;
  };

  bool answer(const std::string& entry_id, Answer answer);
  bool send(Item& item, Answer answer);
  void done(const std::string& entry_id, bool written);

  RedisPublisher& publisher_;
  const QuestionOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Item> items_;  // by entry id
  std::vector<std::string> acknowledge_;
  QuestionStats stats_;
  bool closed_ = false;
};

}  // namespace vedette::sinks::redis
