// What the publisher's writer makes of the replies of Redis.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sinks/redis/writer.h"

namespace vedette::sinks::redis {

namespace {

using base::log_limited;
using base::LogLevel;

constexpr const char* kSubject = "redis";

}  // namespace

void RedisPublisher::Writer::note(const Error& error) {
  ++stats_.errors[static_cast<std::size_t>(error.error)];
  if (passes_by_itself(error.error)) {
    stats_.up = false;
    stats_.problem = std::string(to_string(error.error)) + ": " + error.text;
  }
  // A replica does not become a master on this connection: another may lead to the new one.
  if (error.error == ErrorClass::kReadOnly) reconnect_ = true;
  log_limited(LogLevel::kWarning, kSubject, to_string(error.error), error.text);
}

void RedisPublisher::Writer::note_up() {
  if (stats_.up) return;
  stats_.up = true;
  stats_.problem.clear();
  log_limited(LogLevel::kInfo, kSubject, "up",
              options_.url.shown() + ": writing; " + std::to_string(queue_records_) + " records wait");
}

void RedisPublisher::Writer::on_reply(const Sent& sent, const redisReply& reply) {
  const bool failed = reply.type == REDIS_REPLY_ERROR;
  const std::string text(text_of(&reply));
  switch (sent.what) {
    case Sent::What::kLive:
      ++(failed ? stats_.live_dropped : stats_.live_sent);
      if (failed) note({classify(text), text});
      return;
    case Sent::What::kState:
      if (failed) note({classify(text), sent.lane->state_key + ": " + text});
      if (failed && passes_by_itself(classify(text))) {
        sent.lane->state_changed = true;
        sent.lane->retry_at = Clock::now() + sent.lane->backoff.next();
      }
      return;
    case Sent::What::kCoverage: return on_coverage(*sent.lane, sent.piece, reply);
    case Sent::What::kAppend:
      if (failed) return on_append_error(*sent.lane, text, "");
      return on_append(*sent.lane, sent.count, reply);
  }
}

void RedisPublisher::Writer::on_coverage(Lane& lane, const CoverageQueue::Piece& piece,
                                         const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ERROR) {
    if (reply.integer == 1) return lane.coverage.written(piece);
    lane.lease = Lease::kUnasked;  // it ended, or another has it: on_lease decides
    lease_wanted_ = true;
    return;
  }
  const std::string text(text_of(&reply));
  note({classify(text), lane.name() + ", coverage: " + text});
  if (!passes_by_itself(classify(text))) return lane.coverage.refused(piece);
  lane.retry_at = Clock::now() + lane.backoff.next();
}

void RedisPublisher::Writer::on_append(Lane& lane, std::size_t count, const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 4) {
    return on_append_error(lane, "ERR unexpected reply to EVAL", "");
  }
  const auto written = static_cast<std::size_t>(reply.element[0]->integer);
  const auto before = static_cast<std::size_t>(reply.element[1]->integer);
  lane.written += written;
  lane.known_before += before;
  pop(lane, std::min(written + before, count), true);
  const std::string_view error = text_of(reply.element[2]);
  if (!error.empty())
    return on_append_error(lane, std::string(error), std::string(text_of(reply.element[3])));
  lane.backoff.reset();
  note_up();
}

// The first entry of the lane could not be written.
void RedisPublisher::Writer::on_append_error(Lane& lane, const std::string& error, const std::string& last) {
  if (error.starts_with("NOTOWNER")) {  // the lease ended, or another has it: on_lease decides
    lane.lease = Lease::kUnasked;
    lease_wanted_ = true;
    return;
  }
  if (error.starts_with("REFUSED")) {
    const auto there = parse_entry_id(last);
    if (there && there->ms < ~std::uint64_t{0}) {
      const std::size_t count = lane.restamp(*there);
      log_limited(
          LogLevel::kWarning, kSubject, "refused",
          lane.key + ": ends at " + last + " by another's hand; stamped " + std::to_string(count) + " anew");
      return;
    }
  }
  const ErrorClass what = classify(error);
  note({what, lane.key + ": " + error});
  if (passes_by_itself(what)) {
    lane.retry_at = Clock::now() + lane.backoff.next();
    return;
  }
  if (what == ErrorClass::kWrongType) return drop_all(lane, lane.dropped.rejected);
  // Nothing here gets better by waiting: the entry goes, the others may fare better.
  ++lane.dropped.rejected;
  pop(lane, 1, false);
}

void RedisPublisher::Writer::pop(Lane& lane, std::size_t count, bool written) {
  for (; count > 0 && !lane.queue.empty(); --count) {
    Entry& entry = lane.queue.front();
    if (entry.done) told_.emplace_back(std::move(entry.done), written);
    queue_bytes_ -= entry.bytes;
    --queue_records_;
    lane.queue.pop_front();
  }
}

void RedisPublisher::Writer::drop_all(Lane& lane, std::uint64_t& counter) {
  counter += lane.queue.size();
  pop(lane, lane.queue.size(), false);
}

void RedisPublisher::Writer::tell() {
  std::vector<std::pair<Done, bool>> told;
  {
    const std::lock_guard lock(mutex_);
    told.swap(told_);
  }
  for (const auto& [done, written] : told) done(written);
}

}  // namespace vedette::sinks::redis
