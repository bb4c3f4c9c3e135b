#include "daemon/metrics/sources.h"

namespace vedette::daemon::metrics {

void write(Scrape& scrape, const sinks::redis::PublisherStats& stats) {
  using sinks::redis::ErrorClass;
  scrape.gauge("vedette_redis_up", "1 while Redis takes what is written, 0 during an outage.",
               stats.up ? 1 : 0);
  scrape.counter("vedette_redis_connections_total", "Connections made to Redis.",
                 static_cast<double>(stats.connections));
  for (std::size_t i = 0; i < stats.errors.size(); ++i) {
    scrape.counter("vedette_redis_errors_total", "What Redis, or the way to it, refused.",
                   static_cast<double>(stats.errors[i]), {{"reason", to_string(static_cast<ErrorClass>(i))}});
  }
  scrape.gauge("vedette_redis_queue_records", "Records and answers that wait for Redis.",
               static_cast<double>(stats.queue_records));
  scrape.gauge("vedette_redis_queue_bytes", "Their memory.", static_cast<double>(stats.queue_bytes));
  constexpr const char* kLive = "Messages to the live channels.";
  scrape.counter("vedette_live_messages_total", kLive, static_cast<double>(stats.live_sent),
                 {{"state", "sent"}});
  scrape.counter("vedette_live_messages_total", kLive, static_cast<double>(stats.live_dropped),
                 {{"state", "dropped"}});
  scrape.counter("vedette_records_unknown_stream_total",
                 "Records of a stream that is not configured, dropped.",
                 static_cast<double>(stats.unknown_stream));
  for (const sinks::redis::StreamStats& one : stats.streams) {
    const auto count = [&](const char* name, const char* help, std::uint64_t value, Labels labels = {}) {
      labels.insert(labels.begin(), {"stream", one.stream});
      scrape.counter(name, help, static_cast<double>(value), std::move(labels));
    };
    count("vedette_records_written_total",
          "Entries that Redis accepted; (answers) and (alerts) are shared by all streams.", one.written);
    count("vedette_records_known_before_total", "Entries that a look-up found in Redis after a lost reply.",
          one.known_before);
    count("vedette_records_restamped_total", "Entries that got a new id because Redis refused the first.",
          one.restamped);
    constexpr const char* kDropped = "Entries that were lost.";
    count("vedette_records_dropped_total", kDropped, one.dropped.full, {{"reason", "full"}});
    count("vedette_records_dropped_total", kDropped, one.dropped.not_owner, {{"reason", "not_owner"}});
    count("vedette_records_dropped_total", kDropped, one.dropped.closed, {{"reason", "closed"}});
    count("vedette_records_dropped_total", kDropped, one.dropped.rejected, {{"reason", "rejected"}});
    if (!sinks::is_stream_id(one.stream)) continue;  // the shared ones have no owner
    count("vedette_coverage_history_lost_seconds_total",
          "Seconds of coverage that Redis never got: it was away for too long, or refused them.",
          one.coverage_lost);
    scrape.gauge("vedette_stream_owner", "1 while this daemon writes the stream.", one.ours ? 1 : 0,
                 {{"stream", one.stream}});
  }
}

void write(Scrape& scrape, const sinks::redis::QuestionStats& stats) {
  const auto count = [&](const char* state, std::uint64_t value) {
    scrape.counter("vedette_questions_total", "Questions by what became of them.", static_cast<double>(value),
                   {{"state", state}});
  };
  count("accepted", stats.accepted);
  count("refused", stats.refused);
  count("handed_over", stats.handed_over);
  count("timed_out", stats.timed_out);
  count("unanswerable", stats.unanswerable);
  scrape.gauge("vedette_questions_open", "Questions that are being answered.",
               static_cast<double>(stats.open));
}

}  // namespace vedette::daemon::metrics
