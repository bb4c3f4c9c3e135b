#include "sinks/redis/writer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sinks/redis/scripts.h"

namespace vedette::sinks::redis {

namespace {

using base::log;
using base::LogLevel;

constexpr std::size_t kBatchEntries = 64;        // of one lane per round trip
constexpr std::size_t kBatchBytes = 256u << 10;  // and their bytes; one larger entry goes alone
constexpr std::size_t kRoundBytes = 2u << 20;    // of all lanes per round trip

}  // namespace

RedisPublisher::Writer::Writer(PublisherOptions options)
    : options_(std::move(options)),
      connection_(options_.connection),
      backoff_(options_.least_backoff, options_.most_backoff),
      retention_(options_.retention) {
  const Backoff wait(options_.least_backoff, options_.most_backoff);
  lanes_.push_back(std::make_shared<Lane>("", "vedette:answers", options_.answer_retention, wait));
  lanes_.push_back(std::make_shared<Lane>("", "vedette:alerts", retention_, wait));
  stats_.problem = "not connected yet";
  thread_ = std::thread([this] { run(); });
}

void RedisPublisher::Writer::stop() {
  const std::lock_guard once(stop_mutex_);
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  stopping_ = woken_ = true;
  stop_deadline_ = Clock::now() + options_.drain;
  work_.notify_one();
  const bool in_time = ended_.wait_until(lock, stop_deadline_, [this] { return finished_; });
  lock.unlock();
  if (!in_time) connection_.interrupt();
  thread_.join();
}

void RedisPublisher::Writer::run() {
  pthread_setname_np(pthread_self(), "redis");
  for (;;) {
    if (!connection_.is_open()) connect();
    if (connection_.is_open() && keep_leases() && flush()) remove_leaving();
    std::unique_lock lock(mutex_);
    if (std::exchange(reconnect_, false)) connection_.close();
    if (stopping_ && (drained() || Clock::now() >= stop_deadline_)) break;
    wait_for_work(lock);
  }
  if (connection_.is_open()) release_all();
  const std::lock_guard lock(mutex_);
  for (const auto& lane : lanes_) drop_all(*lane, lane->dropped.closed);
  told_.clear();
  stats_.up = false;
  stats_.problem = "stopped";
  finished_ = true;
  ended_.notify_all();
}

void RedisPublisher::Writer::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  auto due = now + std::chrono::seconds(1);
  if (!connection_.is_open()) {
    due = now + backoff_.next();
    if (stopping_) due = std::min(due, stop_deadline_);
    work_.wait_until(lock, due, [was = stopping_, this] { return stopping_ != was; });
    return;
  }
  due = std::min(due, lease_due_);
  for (const auto& lane : lanes_) {
    if (!lane->queue.empty() && lane->retry_at > now) due = std::min(due, lane->retry_at);
  }
  if (stopping_) due = std::min(due, stop_deadline_);
  work_.wait_until(lock, due, [this] { return woken_ || anything_ready(); });
  woken_ = false;
}

bool RedisPublisher::Writer::anything_ready() const {
  const auto now = Clock::now();
  return !live_.empty() ||
         std::any_of(lanes_.begin(), lanes_.end(), [&](const auto& lane) { return lane->ready(now); });
}

bool RedisPublisher::Writer::drained() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->lease == Lease::kOthers || lane->drained(); });
}

bool RedisPublisher::Writer::connect() {
  if (auto error = connection_.open(options_.url)) {
    const std::lock_guard lock(mutex_);
    note(*error);
    return false;
  }
  lease_due_ = {};
  const std::lock_guard lock(mutex_);
  ++stats_.connections;
  for (const auto& lane : lanes_) {
    lane->retry_at = {};
    if (!lane->state.empty()) lane->state_changed = true;
  }
  return true;
}

// Takes and renews the leases when that is due, and puts the configured streams into their set. False when
// the connection was lost.
bool RedisPublisher::Writer::keep_leases() {
  std::vector<std::shared_ptr<Lane>> lanes;
  {
    const std::lock_guard lock(mutex_);
    if (Clock::now() < lease_due_ && !lease_wanted_) return true;
    lease_wanted_ = false;
    lanes = lanes_;
  }
  lease_due_ = Clock::now() + options_.lease_renewal;
  const std::string ttl = std::to_string(options_.lease.count());
  for (const auto& lane : lanes) {
    if (lane->stream.empty()) {
      connection_.append({"EVAL", scripts::kLastId, "1", lane->key});
    } else {
      connection_.append({"EVAL", scripts::kLease, "2", lane->owner_key, lane->key, options_.boot_id, ttl});
      connection_.append({"SADD", "vedette:streams", lane->stream});
    }
  }
  bool sound = true;
  for (const auto& lane : lanes) {
    const int replies = lane->stream.empty() ? 1 : 2;
    for (int i = 0; i < replies; ++i) {
      const Reply reply = connection_.receive();
      const std::lock_guard lock(mutex_);
      if (!reply) return note(connection_.error()), false;
      if (reply->type == REDIS_REPLY_ERROR) {
        note({classify(text_of(reply.get())), std::string(text_of(reply.get()))});
        sound = false;
      } else if (lane->stream.empty()) {
        if (const auto last = parse_entry_id(text_of(reply.get()))) lane->ids.observe(*last);
      } else if (i == 0) {
        on_lease(*lane, *reply);
      }
    }
  }
  const std::lock_guard lock(mutex_);
  if (sound) note_up();
  if (sound) backoff_.reset();
  return true;
}

void RedisPublisher::Writer::on_lease(Lane& lane, const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 3) return;
  const bool ours = reply.element[0]->integer == 1;
  lane.owner = text_of(reply.element[1]);
  std::replace_if(
      lane.owner.begin(), lane.owner.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (ours) {
    if (const auto last = parse_entry_id(text_of(reply.element[2]))) lane.ids.observe(*last);
    if (lane.lease == Lease::kOurs) return;
    log(LogLevel::kInfo, lane.stream, "we write this stream now, as " + options_.boot_id);
    lane.lease = Lease::kOurs;
    lane.state["owner"] = options_.boot_id;
    lane.state_changed = true;
    return;
  }
  if (lane.lease != Lease::kOthers) {
    log(LogLevel::kWarning, lane.stream,
        lane.owner + " writes this stream; ours are dropped until its lease ends");
  }
  lane.lease = Lease::kOthers;
  drop_all(lane, lane.dropped.not_owner);
  lane.coverage.clear();
}

// Lanes that are no longer configured go once they are empty. False when the connection was lost.
bool RedisPublisher::Writer::remove_leaving() {
  std::vector<std::shared_ptr<Lane>> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& lane : lanes_) {
      if (lane->leaving && (lane->drained() || lane->lease == Lease::kOthers)) gone.push_back(lane);
    }
  }
  for (const auto& lane : gone) {
    if (!connection_.command({"EVAL", scripts::kRelease, "1", lane->owner_key, options_.boot_id}) ||
        (lane->lease == Lease::kOurs && !connection_.command({"SREM", "vedette:streams", lane->stream}))) {
      const std::lock_guard lock(mutex_);
      return note(connection_.error()), false;
    }
    const std::lock_guard lock(mutex_);
    if (lane->leaving && lane->queue.empty()) std::erase(lanes_, lane);
  }
  return true;
}

// Writes what is ready, in as many round trips as it takes. False when the connection was lost: nothing is
// lost then.
bool RedisPublisher::Writer::flush() {
  for (;;) {
    std::vector<Sent> sent;
    collect(sent);
    if (sent.empty()) return true;
    bool leases_lost = false;
    for (const Sent& command : sent) {
      const Reply reply = connection_.receive();
      {
        const std::lock_guard lock(mutex_);
        if (!reply) return note(connection_.error()), false;
        on_reply(command, *reply);
        leases_lost = leases_lost || lease_wanted_;
      }
      tell();
    }
    if (leases_lost && !keep_leases()) return false;
    if (Clock::now() >= lease_due_) return true;  // however much there is to write, the leases come in time
    const std::lock_guard lock(mutex_);
    if (stopping_ && Clock::now() >= stop_deadline_) return true;
  }
}

void RedisPublisher::Writer::collect(std::vector<Sent>& sent) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const std::int64_t now_ms = options_.now_ms();
  std::size_t bytes = 0;
  for (const auto& lane : lanes_) {
    if (!lane->ready(now) || bytes >= kRoundBytes) continue;
    if (lane->state_changed) {
      std::vector<std::string_view> args = {"EVAL",          scripts::kState, "2",
                                            lane->state_key, lane->owner_key, options_.boot_id};
      for (const auto& [name, value] : lane->state) args.insert(args.end(), {name, value});
      connection_.append(args);
      lane->state_changed = false;
      sent.push_back({Sent::What::kState, lane, 0});
    }
    collect_coverage(lane, sent);
    if (lane->queue.empty()) continue;
    const std::size_t count =
        lane->append_batch(connection_, options_.boot_id, now_ms, kBatchEntries, kBatchBytes);
    for (std::size_t i = 0; i < count; ++i) bytes += lane->queue[i].bytes;
    sent.push_back({Sent::What::kAppend, lane, count});
  }
  for (const auto& [channel, text] : live_) {
    connection_.append({"PUBLISH", channel, text});
    sent.push_back({Sent::What::kLive, nullptr, 0});
  }
  live_.clear();
  live_bytes_ = 0;
}

void RedisPublisher::Writer::collect_coverage(const std::shared_ptr<Lane>& lane, std::vector<Sent>& sent) {
  // The whole of a day goes at once, as old as its last second.
  const std::string keep = std::to_string(std::max<std::int64_t>(lane->retention.count(), 0));
  for (CoverageQueue::Piece& piece : lane->coverage.next()) {
    const CoveragePlace place = coverage_place(lane->stream, piece.modality, piece.first);
    const std::string offset = std::to_string(place.offset);
    connection_.append({"EVAL", scripts::kCoverage, "2", place.key, lane->owner_key, options_.boot_id, keep,
                        offset, piece.letters});
    sent.push_back({Sent::What::kCoverage, lane, 0, std::move(piece)});
  }
}

void RedisPublisher::Writer::release_all() {
  std::vector<std::string> keys;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& lane : lanes_) {
      if (lane->lease == Lease::kOurs) keys.push_back(lane->owner_key);
    }
  }
  for (const std::string& key : keys) {
    if (!connection_.command({"EVAL", scripts::kRelease, "1", key, options_.boot_id})) return;
  }
}

}  // namespace vedette::sinks::redis
