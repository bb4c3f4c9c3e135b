#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sinks/redis/publisher.h"

namespace vedette::sinks::redis {

// The publisher's inside: what waits, guarded by one lock, and the thread that writes it. The thread never
// holds the lock while it waits for Redis; entries stay in their lane until Redis has accepted them.
class RedisPublisher::Writer {
 public:
  explicit Writer(PublisherOptions options);
  ~Writer() { stop(); }

  void set_streams(const std::vector<std::string>& streams);
  void set_retention(std::chrono::milliseconds retention);
  PublishOutcome publish(Record record);
  PublishOutcome publish_answer(const Answer& answer, Done done);
  void publish_live(std::string_view stream, std::string_view text);
  void publish_state(StateUpdate update);
  void publish_coverage(std::string_view stream, std::string_view modality, std::int64_t first,
                        std::string_view letters);
  void stop();
  PublisherStats stats() const;
  std::string owner(std::string_view stream) const;
  const PublisherOptions& options() const { return options_; }

 private:
  using Clock = std::chrono::steady_clock;
  // A command of a pipeline whose reply is due. Holds its lane, which may leave the list meanwhile.
  struct Sent {
    enum class What : std::uint8_t { kAppend, kState, kCoverage, kLive } what;
    std::shared_ptr<Lane> lane;
    std::size_t count = 0;
    CoverageQueue::Piece piece{};
  };

  // Under the lock.
  Lane* find(std::string_view stream);
  bool fits(std::size_t records, std::size_t bytes) const;
  void enter(Lane& lane, Fields fields, std::size_t bytes, Done done);
  void pop(Lane& lane, std::size_t count, bool written);
  void drop_all(Lane& lane, std::uint64_t& counter);
  bool anything_ready() const;
  bool drained() const;
  void note(const Error& error);
  void note_up();

  // On the writer's thread.
  void run();
  bool connect();
  bool keep_leases();
  void on_lease(Lane& lane, const redisReply& reply);
  bool remove_leaving();
  bool flush();
  void collect(std::vector<Sent>& sent);
  void collect_coverage(const std::shared_ptr<Lane>& lane, std::vector<Sent>& sent);
  void on_reply(const Sent& sent, const redisReply& reply);
  void on_coverage(Lane& lane, const CoverageQueue::Piece& piece, const redisReply& reply);
  void on_append(Lane& lane, std::size_t count, const redisReply& reply);
  void on_append_error(Lane& lane, const std::string& error, const std::string& last);
  void tell();
  void release_all();
  void wait_for_work(std::unique_lock<std::mutex>& lock);

  const PublisherOptions options_;
  Connection connection_;
  Backoff backoff_;
  Clock::time_point lease_due_{};

  mutable std::mutex mutex_;
  std::condition_variable work_;              // for the thread: something is to be done
  std::condition_variable ended_;             // for stop: the thread is through
  std::vector<std::shared_ptr<Lane>> lanes_;  // answers and alerts first, then the streams
  std::vector<std::pair<Done, bool>> told_;   // to be called without the lock
  std::deque<std::pair<std::string, std::string>> live_;
  std::size_t live_bytes_ = 0;
  bool lease_wanted_ = false;  // a stream was added, or a lease was found lost
  bool reconnect_ = false;     // this connection leads to a replica
  bool woken_ = false;
  bool stopping_ = false;
  bool finished_ = false;
  Clock::time_point stop_deadline_{};
  std::chrono::milliseconds retention_;  // of records
  PublisherStats stats_;
  std::size_t queue_records_ = 0, queue_bytes_ = 0;

  std::mutex stop_mutex_;
  std::thread thread_;
};

}  // namespace vedette::sinks::redis
