#include "daemon/metrics/sources.h"

namespace vedette::daemon::metrics {

namespace {

using models::runtime::DurationHistogram;
using models::runtime::LaneStatistics;

void add(Scrape& scrape, std::string_view name, std::string_view help, const DurationHistogram& durations,
         Labels labels = {}) {
  scrape.histogram(name, help, DurationHistogram::kBounds, durations.counts, durations.sum_seconds,
                   std::move(labels));
}

void add_stop(Scrape& scrape, const char* stop, double seconds) {
  scrape.counter("vedette_stop_busy_seconds_total", "Time spent computing at each stop of the road.", seconds,
                 {{"stop", stop}});
}

void write_lane(Scrape& scrape, const char* modality, const LaneStatistics& lane) {
  const Labels labels = {{"modality", modality}};
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    scrape.gauge(name, help, static_cast<double>(value), labels);
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    scrape.counter(name, help, static_cast<double>(value), labels);
  };
  gauge("vedette_requests_running", "Requests that the engine steps.", lane.running);
  gauge("vedette_requests_waiting", "Requests that wait for the engine.", lane.waiting);
  counter("vedette_requests_total", "Requests given to the engine.", lane.submitted);
  counter("vedette_engine_steps_total", "Steps of the engine.", lane.steps);
  counter("vedette_engine_stepped_requests_total",
          "Requests in those steps, added up; over the steps it is the mean batch.", lane.stepped_jobs);
  constexpr const char* kReasons[] = {"stop", "length", "cancelled", "shed", "error"};  // as FinishReason
  for (std::size_t i = 0; i < lane.finished.size(); ++i) {
    scrape.counter("vedette_requests_finished_total", "Requests by how they ended.",
                   static_cast<double>(lane.finished[i]), {{"modality", modality}, {"reason", kReasons[i]}});
  }
  add(scrape, "vedette_request_queue_time_seconds", "From submission to the first step.", lane.queue_time,
      labels);
  add(scrape, "vedette_request_time_seconds", "From submission to the end.", lane.total_time, labels);
  add_stop(scrape, modality, lane.busy_seconds);
}

}  // namespace

void write(Scrape& scrape, const models::runtime::EngineStatistics& stats) {
  write_lane(scrape, "text", stats.text);
  write_lane(scrape, "speech", stats.speech);
  scrape.counter("vedette_prompt_tokens_total", "Prompt tokens that the LLM took in.",
                 static_cast<double>(stats.prompt_tokens));
  scrape.counter("vedette_generation_tokens_total", "Tokens that the LLM wrote.",
                 static_cast<double>(stats.generated_tokens));
  add(scrape, "vedette_time_to_first_token_seconds", "From a request to its first token.",
      stats.time_to_first_token);
  add(scrape, "vedette_inter_token_time_seconds", "Between two tokens of one request.",
      stats.inter_token_time);
  const double pages = static_cast<double>(stats.kv_pages);
  scrape.gauge("vedette_kv_cache_usage_ratio", "Share of the LLM's KV pages that are in use.",
               pages > 0 ? static_cast<double>(stats.kv_pages_used) / pages : 0.0);
}

void write(Scrape& scrape, const models::runtime::EncodingStatistics& stats, Encoder encoder) {
  const bool pictures = encoder == Encoder::kPictures;
  const Labels labels = {{"modality", pictures ? "image" : "audio"}};
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    scrape.counter(name, help, static_cast<double>(value), labels);
  };
  scrape.gauge("vedette_encoder_waiting", "Windows or pictures that wait for the encoder.",
               static_cast<double>(stats.waiting), labels);
  counter("vedette_encoder_windows_total",
          "Windows or pictures encoded; over the batches it is the mean batch size.", stats.windows);
  counter("vedette_encoder_batches_total", "Batches encoded.", stats.batches);
  counter("vedette_encoder_refused_total", "Windows or pictures refused because the waiting line was full.",
          stats.refused);
  counter("vedette_encoder_failed_total", "Windows or pictures whose encoding failed.", stats.failed);
  add(scrape, "vedette_encoder_queue_time_seconds", "From submission to the start of the batch.",
      stats.queue_time, labels);
  add_stop(scrape, pictures ? "image_encoder" : "encoder", stats.busy_seconds);
}

}  // namespace vedette::daemon::metrics
