#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sinks/question.h"
#include "sinks/redis/connection.h"
#include "sinks/redis/publisher.h"

namespace vedette::sinks::redis {

struct QuestionOptions {
  std::size_t open = 32;             // questions being answered at a time, of all clients
  std::size_t open_per_client = 4;   // of one value of `client`; those without one share a bucket
  std::size_t unacknowledged = 512;  // requests that we hold, refused ones included; past it none is read
  std::chrono::milliseconds answer_within{120'000};  // then the asker gets an error
  std::chrono::milliseconds poll{100};               // how often Redis is asked for new requests
  std::chrono::milliseconds claim_after{15'000};  // requests of a daemon that is silent for so long are ours
  std::chrono::milliseconds keep{3'600'000};      // requests stay in Redis for so long
  std::size_t keep_entries = 100'000;             // and no more than about so many
};

struct QuestionStats {
  std::uint64_t read = 0;          // requests that came to us
  std::uint64_t accepted = 0;      // of them, given to the handler
  std::uint64_t refused = 0;       // of them, answered with an error at once
  std::uint64_t handed_over = 0;   // of them, given to the daemon that has the stream
  std::uint64_t timed_out = 0;     // got no answer in time
  std::uint64_t unanswerable = 0;  // Redis refused the answer for good
  std::size_t open = 0;
  std::string problem;  // why none can be read now, "" when all is well
};

class QuestionTable;

// Reads questions from `vedette:questions` as consumer group `vedetted`, checks them and gives the good ones
// to the handler; the answers go out through the publisher, and a request is acknowledged once Redis has its
// last answer. One thread with a connection of its own. What Redis holds is read through a script that cuts
// long values, so that no request, however large, costs memory here; scripts cannot block, hence the poll.
// Thread-safe.
class QuestionIntake {
 public:
  // `publisher` must outlive this; callbacks given to the handler may outlive both.
  QuestionIntake(RedisPublisher& publisher, QuestionHandler handler, QuestionOptions options = {});
  ~QuestionIntake();  // as stop()

  // Ends the thread. Open questions stay unacknowledged, for another daemon or the next start.
  void stop();

  QuestionStats stats() const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  bool connect();
  bool learn_time();
  std::int64_t redis_now_ms() const;
  bool work();
  bool has_room() const;
  bool acknowledge();
  bool upkeep();
  bool read(std::string& after, std::size_t& taken);
  bool take(const redisReply& entry);
  void accept(const Question& question);
  void refuse(const Question& question, std::string reason);
  bool hand_over(const Question& question);
  bool fine(const Reply& reply);
  void trouble(const Error& error);

  RedisPublisher& publisher_;
  const QuestionHandler handler_;
  const QuestionOptions options_;
  Connection connection_;
  Backoff backoff_;
  std::int64_t redis_ahead_ms_ = 0;  // of our clock
  Clock::time_point upkeep_due_{}, pending_due_{}, trim_due_{};
  bool publisher_full_ = false;  // an error answer found no room: read nothing new for a while
  const std::shared_ptr<QuestionTable> table_;
  std::thread thread_;
};

}  // namespace vedette::sinks::redis
