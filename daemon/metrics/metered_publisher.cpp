#include "daemon/metrics/metered_publisher.h"

#include <algorithm>
#include <utility>

namespace vedette::daemon::metrics {

namespace {

// Seconds. The goal is 2.5 s for tentative words and 4 s for committed ones.
std::vector<double> delay_bounds() {
  return {0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 20.0, 30.0};
}

constexpr std::size_t kMostStreams = 1024;  // bounds the labels; a configuration holds far fewer

const char* outcome_name(std::size_t outcome) {
  constexpr const char* kNames[] = {"accepted", "full", "not_owner", "closed"};  // as PublishOutcome
  return kNames[outcome];
}

}  // namespace

MeteredPublisher::Stream::Stream() : tentative(delay_bounds()), committed(delay_bounds()) {}

MeteredPublisher::MeteredPublisher(sinks::Publisher& next, std::function<std::int64_t()> now_ms)
    : next_(next), now_ms_(std::move(now_ms)) {}

MeteredPublisher::~MeteredPublisher() = default;

MeteredPublisher::Stream& MeteredPublisher::stream(const std::string& id) {
  const auto found = streams_.find(id);
  if (found != streams_.end()) return found->second;
  return streams_.size() < kMostStreams ? streams_[id] : streams_["other"];
}

sinks::PublishOutcome MeteredPublisher::publish(sinks::Record record) {
  const sinks::Kind kind = record.kind;
  const bool words = kind == sinks::Kind::kTranscript && record.clock != "file" &&
                     record.state != sinks::RecordState::kWithdraw;
  const bool committed = record.state == sinks::RecordState::kClose;
  const std::int64_t end_ms = record.t_end_ms;
  const std::string id = record.stream;
  const sinks::PublishOutcome outcome = next_.publish(std::move(record));
  const std::lock_guard lock(mutex_);
  Stream& one = stream(id);
  ++one.records[static_cast<std::size_t>(kind)][static_cast<std::size_t>(outcome)];
  if (words)
    (committed ? one.committed : one.tentative).observe(static_cast<double>(now_ms_() - end_ms) * 1e-3);
  return outcome;
}

void MeteredPublisher::publish_live(std::string_view stream, std::string_view text) {
  next_.publish_live(stream, text);
}

void MeteredPublisher::publish_state(sinks::StateUpdate update) {
  {
    const std::lock_guard lock(mutex_);
    Stream& one = stream(update.stream);
    if (update.state) one.state = *update.state;
    if (update.clock) one.clock = *update.clock;
    if (update.last_frame_ms) one.last_media_ms = *update.last_frame_ms;
  }
  next_.publish_state(std::move(update));
}

void MeteredPublisher::forget(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

std::size_t MeteredPublisher::running() const {
  const std::lock_guard lock(mutex_);
  const auto count =
      std::ranges::count_if(streams_, [](const auto& one) { return one.second.state == "running"; });
  return static_cast<std::size_t>(count);
}

void MeteredPublisher::write(Scrape& scrape) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : streams_) {
    for (std::size_t kind = 0; kind < sinks::kKinds; ++kind) {
      for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
        if (one.records[kind][outcome] == 0) continue;
        scrape.counter("vedette_records_total", "Records given to the publisher, by kind and what it said.",
                       static_cast<double>(one.records[kind][outcome]),
                       {{"stream", id},
                        {"kind", to_string(static_cast<sinks::Kind>(kind))},
                        {"state", outcome_name(outcome)}});
      }
    }
    constexpr const char* kDelay =
        "From the end of the last word of a record to its publication; live streams only.";
    one.tentative.write(scrape, "vedette_speech_delay_seconds", kDelay,
                        {{"stream", id}, {"state", "tentative"}});
    one.committed.write(scrape, "vedette_speech_delay_seconds", kDelay,
                        {{"stream", id}, {"state", "committed"}});
    scrape.gauge("vedette_stream_up",
                 "1 while the stream is running: its source is connected and gives media.",
                 one.state == "running" ? 1 : 0, {{"stream", id}});
    if (one.last_media_ms > 0 && one.clock != "file") {
      scrape.gauge("vedette_stream_lag_seconds",
                   "Age of the newest picture or sound that was handled; live streams only.",
                   static_cast<double>(std::max<std::int64_t>(now_ms_() - one.last_media_ms, 0)) * 1e-3,
                   {{"stream", id}});
    }
    for (const char* state :
         {"starting", "running", "reconnecting", "no_signal", "stalled", "stopped", "refused"}) {
      scrape.gauge("vedette_stream_state", "1 for the state that the stream is in.",
                   one.state == state ? 1 : 0, {{"stream", id}, {"state", state}});
    }
  }
}

}  // namespace vedette::daemon::metrics
