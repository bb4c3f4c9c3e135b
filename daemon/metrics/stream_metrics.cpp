#include "daemon/metrics/sources.h"

namespace vedette::daemon::metrics {

void write(Scrape& scrape, const std::string& stream, const streams::ElementCounters& counters) {
  const auto windows = [&](const char* state, std::uint64_t value) {
    scrape.counter("vedette_windows_total", "Windows of a stream by what became of them.",
                   static_cast<double>(value), {{"stream", stream}, {"modality", "audio"}, {"state", state}});
  };
  windows("encoded", counters.encoded);
  windows("silent", counters.silent);
  windows("superseded", counters.superseded);
  windows("flushed", counters.flushed);
  windows("failed", counters.failed);
  const auto counter = [&](const char* name, const char* help, double value) {
    scrape.counter(name, help, value, {{"stream", stream}});
  };
  constexpr double kRateHz = 16000.0;  // of vedaudiowindow
  counter("vedette_windows_moved_on_total", "Full windows that let go of sound which nobody had settled.",
          static_cast<double>(counters.moved_on));
  counter("vedette_epochs_total", "Epochs of media time begun: connections, jumps and flushes.",
          static_cast<double>(counters.epochs));
  counter("vedette_sound_gap_seconds_total", "Silence put in for sound that did not come.",
          static_cast<double>(counters.gap_samples) / kRateHz);
  counter("vedette_sound_overlap_seconds_total", "Sound that came twice and was left out.",
          static_cast<double>(counters.overlap_samples) / kRateHz);
}

}  // namespace vedette::daemon::metrics
