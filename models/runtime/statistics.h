#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace vedette::models::runtime {

// How often which duration occurred, as a Prometheus histogram counts it. A value.
struct DurationHistogram {
  static constexpr std::array<double, 14> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1.0,    2.5,   5.0,  10.0,  30.0};  // seconds
  std::array<std::uint64_t, kBounds.size() + 1>
      counts{};  // per bucket, not cumulated; the last: longer than all
  std::uint64_t count = 0;
  double sum_seconds = 0.0;

  void observe(std::chrono::nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    ++counts[bucket];
    ++count;
    sum_seconds += seconds;
  }
};

// One kind of request that the engine steps.
struct LaneStatistics {
  std::uint64_t running = 0, waiting = 0;  // now
  std::uint64_t submitted = 0;
  std::array<std::uint64_t, 5> finished{};  // by FinishReason
  std::uint64_t steps = 0;
  std::uint64_t stepped_jobs = 0;  // sum over the steps of how many went through together
  double busy_seconds = 0.0;       // inside steps
  DurationHistogram queue_time;    // from submission to the first step
  DurationHistogram total_time;    // from submission to the end, of those that ended by themselves
};

struct EngineStatistics {
  LaneStatistics text, speech;
  std::uint64_t prompt_tokens = 0, generated_tokens = 0;  // of the LLM
  DurationHistogram time_to_first_token, inter_token_time;
  std::uint64_t kv_pages = 0, kv_pages_used = 0;  // of the LLM's pool
};

struct EncodingStatistics {
  std::uint64_t waiting = 0;  // windows, now
  std::uint64_t windows = 0, batches = 0, refused = 0, failed = 0;
  double busy_seconds = 0.0;     // inside log-mel and encoder
  DurationHistogram queue_time;  // from submission to the start of the batch
};

}  // namespace vedette::models::runtime
