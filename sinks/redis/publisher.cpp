#include "sinks/redis/publisher.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "sinks/redis/writer.h"

namespace vedette::sinks::redis {

namespace {

constexpr std::size_t kLiveMessages = 1024;    // that wait for the live channels
constexpr std::size_t kLiveBytes = 1u << 20;   // and their bytes
constexpr std::size_t kStateTextBytes = 8192;  // longest value in a state hash
constexpr std::size_t kFieldOverhead = 64;     // two std::string and allocator overhead

std::size_t bytes_of(const Fields& fields) {
  std::size_t bytes = sizeof(Entry);
  for (const auto& [name, value] : fields) bytes += name.size() + value.size() + kFieldOverhead;
  return bytes;
}

}  // namespace

std::string make_boot_id() {
  char host[65] = "host";
  gethostname(host, sizeof host - 1);
  char random[9];
  std::random_device device;
  std::snprintf(random, sizeof random, "%08x", static_cast<unsigned>(device()));
  return std::string(host) + "-" + std::to_string(getpid()) + "-" + random;
}

RedisPublisher::RedisPublisher(PublisherOptions options)
    : writer_(std::make_unique<Writer>(std::move(options))) {}
RedisPublisher::~RedisPublisher() = default;
void RedisPublisher::set_streams(const std::vector<std::string>& streams) {
  writer_->set_streams(streams);
}
void RedisPublisher::set_retention(std::chrono::milliseconds retention) {
  writer_->set_retention(retention);
}
PublishOutcome RedisPublisher::publish(Record record) {
  return writer_->publish(std::move(record));
}
void RedisPublisher::publish_live(std::string_view stream, std::string_view text) {
  writer_->publish_live(stream, text);
}
void RedisPublisher::publish_state(StateUpdate update) {
  writer_->publish_state(std::move(update));
}
void RedisPublisher::publish_coverage(std::string_view stream, std::string_view modality, std::int64_t first,
                                      std::string_view letters) {
  writer_->publish_coverage(stream, modality, first, letters);
}
PublishOutcome RedisPublisher::publish_answer(const Answer& answer, Done done) {
  return writer_->publish_answer(answer, std::move(done));
}
void RedisPublisher::stop() {
  writer_->stop();
}
PublisherStats RedisPublisher::stats() const {
  return writer_->stats();
}
std::string RedisPublisher::owner(std::string_view stream) const {
  return writer_->owner(stream);
}
const PublisherOptions& RedisPublisher::options() const {
  return writer_->options();
}

void RedisPublisher::Writer::set_streams(const std::vector<std::string>& streams) {
  const std::lock_guard lock(mutex_);
  for (const auto& lane : lanes_) {
    if (!lane->stream.empty())
      lane->leaving = std::find(streams.begin(), streams.end(), lane->stream) == streams.end();
  }
  for (const std::string& stream : streams) {
    if (find(stream) != nullptr) continue;
    lanes_.push_back(std::make_shared<Lane>(stream, "vedette:{" + stream + "}:events", retention_,
                                            Backoff(options_.least_backoff, options_.most_backoff)));
  }
  lease_wanted_ = woken_ = true;
  work_.notify_one();
}

void RedisPublisher::Writer::set_retention(std::chrono::milliseconds retention) {
  const std::lock_guard lock(mutex_);
  retention_ = retention;
  for (const auto& lane : lanes_) {
    if (lane->key != "vedette:answers") lane->retention = retention;
  }
}

Lane* RedisPublisher::Writer::find(std::string_view stream) {
  for (const auto& lane : lanes_) {
    if (!lane->stream.empty() && lane->stream == stream) return lane.get();
  }
  return nullptr;
}

bool RedisPublisher::Writer::fits(std::size_t records, std::size_t bytes) const {
  return queue_records_ + records <= options_.queue_records && queue_bytes_ + bytes <= options_.queue_bytes;
}

void RedisPublisher::Writer::enter(Lane& lane, Fields fields, std::size_t bytes, Done done) {
  lane.queue.push_back({lane.ids.next(options_.now_ms()), std::move(fields), bytes, std::move(done)});
  ++queue_records_;
  queue_bytes_ += bytes;
  woken_ = true;
  work_.notify_one();
}

PublishOutcome RedisPublisher::Writer::publish(Record record) {
  record.published_ms = options_.now_ms();
  Fields fields = to_fields(record);
  const std::size_t bytes = bytes_of(fields);
  const std::lock_guard lock(mutex_);
  Lane* lane = find(record.stream);
  if (lane == nullptr || lane->leaving) {
    ++stats_.unknown_stream;
    return PublishOutcome::kDroppedNotOwner;
  }
  if (stopping_) {
    ++lane->dropped.closed;
    return PublishOutcome::kDroppedClosed;
  }
  if (lane->lease == Lease::kOthers) {
    ++lane->dropped.not_owner;
    return PublishOutcome::kDroppedNotOwner;
  }
  const bool alert = record.kind == Kind::kAlert;
  if (!fits(alert ? 2 : 1, alert ? 2 * bytes : bytes)) {
    ++lane->dropped.full;
    return PublishOutcome::kDroppedFull;
  }
  if (alert) enter(*lanes_[1], fields, bytes, {});
  enter(*lane, std::move(fields), bytes, {});
  return PublishOutcome::kAccepted;
}

PublishOutcome RedisPublisher::Writer::publish_answer(const Answer& answer, Done done) {
  Fields fields = to_fields(answer, options_.now_ms());
  const std::size_t bytes = bytes_of(fields);
  const std::lock_guard lock(mutex_);
  Lane& lane = *lanes_[0];
  if (stopping_) {
    ++lane.dropped.closed;
    return PublishOutcome::kDroppedClosed;
  }
  if (!fits(1, bytes)) {
    ++lane.dropped.full;
    return PublishOutcome::kDroppedFull;
  }
  enter(lane, std::move(fields), bytes, std::move(done));
  return PublishOutcome::kAccepted;
}

void RedisPublisher::Writer::publish_live(std::string_view stream, std::string_view text) {
  const std::lock_guard lock(mutex_);
  Lane* lane = find(stream);
  if (lane == nullptr || lane->lease != Lease::kOurs || stopping_ || live_.size() >= kLiveMessages ||
      live_bytes_ + text.size() > kLiveBytes) {
    ++stats_.live_dropped;
    return;
  }
  live_.emplace_back("vedette:live:{" + lane->stream + "}", text);
  live_bytes_ += text.size();
  woken_ = true;
  work_.notify_one();
}

void RedisPublisher::Writer::publish_state(StateUpdate update) {
  const std::lock_guard lock(mutex_);
  Lane* lane = find(update.stream);
  if (lane == nullptr) return;
  const auto set = [&](const char* name, std::string value) {
    if (value.size() > kStateTextBytes) value.resize(kStateTextBytes);
    lane->state[name] = std::move(value);
  };
  if (update.state) set("state", *update.state);
  if (update.reason) set("reason", *update.reason);
  if (update.next_try_ms) set("next_try_ms", std::to_string(*update.next_try_ms));
  if (update.fps) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", *update.fps);
    set("fps", text);
  }
  if (update.last_frame_ms) set("last_frame_ms", std::to_string(*update.last_frame_ms));
  if (update.last_text) set("last_text", *update.last_text);
  if (update.last_text_ms) set("last_text_ms", std::to_string(*update.last_text_ms));
  if (update.clock) set("clock", *update.clock);
  if (update.clock_error_ms) set("clock_error_ms", std::to_string(*update.clock_error_ms));
  if (update.shed_level) set("shed_level", std::to_string(*update.shed_level));
  if (update.shed_reason) set("shed_reason", *update.shed_reason);
  set("updated_ms", std::to_string(options_.now_ms()));
  lane->state_changed = woken_ = true;
  work_.notify_one();
}

void RedisPublisher::Writer::publish_coverage(std::string_view stream, std::string_view modality,
                                              std::int64_t first, std::string_view letters) {
  const std::lock_guard lock(mutex_);
  Lane* lane = find(stream);
  if (lane == nullptr || lane->lease == Lease::kOthers) return;
  lane->coverage.add(modality, first, letters);
  woken_ = true;
  work_.notify_one();
}

PublisherStats RedisPublisher::Writer::stats() const {
  const std::lock_guard lock(mutex_);
  PublisherStats stats = stats_;
  stats.queue_records = queue_records_;
  stats.queue_bytes = queue_bytes_;
  for (const auto& lane : lanes_) {
    stats.streams.push_back({lane->name(), lane->lease == Lease::kOurs, lane->owner, lane->queue.size(),
                             lane->written, lane->known_before, lane->restamped, lane->coverage.lost(),
                             lane->dropped});
  }
  return stats;
}

std::string RedisPublisher::Writer::owner(std::string_view stream) const {
  const std::lock_guard lock(mutex_);
  for (const auto& lane : lanes_) {
    if (!lane->stream.empty() && lane->stream == stream) return lane->owner;
  }
  return "";
}

}  // namespace vedette::sinks::redis
