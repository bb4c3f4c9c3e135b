#include "daemon/metrics/sources.h"

namespace vedette::daemon::metrics {

void write(Scrape& scrape, const std::string& stream, const narration::SightStats& stats) {
  const auto count = [&](const char* name, const char* help, std::uint64_t value, const char* label = "",
                         const char* which = "") {
    Labels labels = {{"stream", stream}};
    if (*label != '\0') labels.emplace_back(label, which);
    scrape.counter(name, help, static_cast<double>(value), std::move(labels));
  };
  constexpr const char* kPictures = "Sampled pictures, by what became of them.";
  count("vedette_pictures_total", kPictures, stats.pictures - stats.unchanged, "state", "changed");
  count("vedette_pictures_total", kPictures, stats.unchanged, "state", "unchanged");
  count("vedette_pictures_total", kPictures, stats.lost, "state", "lost");
  count("vedette_picture_tiles_left_out_total",
        "Tiles that the model's own processor would have cut, and models.tiles or its context did not allow.",
        stats.tiles_left_out);
  for (std::size_t i = 0; i < stats.captions.size(); ++i) {
    count("vedette_captions_total", "Captions that opened, by what their text was made from.",
          stats.captions[i], "source", narration::to_string(static_cast<narration::CaptionSource>(i)));
  }
  count("vedette_captions_asked_total", "Captions that the language model was asked for.",
        stats.captions_asked);
  constexpr const char* kLost = "Captions that the language model did not give.";
  count("vedette_captions_lost_total", kLost, stats.captions_shed, "reason", "shed");
  count("vedette_captions_lost_total", kLost, stats.captions_failed, "reason", "failed");
  constexpr const char* kChecks = "Checks of alert rules, by what they decided.";
  count("vedette_alert_checks_total", kChecks, stats.alerts_raised, "decision", "raised");
  count("vedette_alert_checks_total", kChecks, stats.checks_below, "decision", "below");
  count("vedette_alert_checks_total", kChecks, stats.checks_shed, "decision", "shed");
  count("vedette_alert_checks_total", kChecks, stats.checks_failed, "decision", "failed");
  count("vedette_motion_events_total", "News of movement: begins, goes on differently, ends.", stats.motions);
  count("vedette_sound_events_total", "News of sounds that are no words: begin and end.", stats.sounds);
  count("vedette_records_without_picture_total", "Records whose picture could not be kept.",
        stats.outbox.without);
}

void write(Scrape& scrape, const evidence::EvidenceStats& stats) {
  const auto count = [&](const char* state, std::uint64_t value) {
    scrape.counter("vedette_evidence_pictures_total", "Pictures for records, by what became of them.",
                   static_cast<double>(value), {{"state", state}});
  };
  count("written", stats.written);
  count("refused", stats.refused);
  count("failed", stats.failed);
  count("deleted", stats.deleted);
  scrape.gauge("vedette_evidence_bytes", "Size of the pictures on disk.", static_cast<double>(stats.bytes));
  scrape.gauge("vedette_evidence_pictures", "Pictures on disk.", static_cast<double>(stats.held));
  scrape.gauge("vedette_evidence_up", "1 while pictures can be written.", stats.problem.empty() ? 1 : 0);
}

}  // namespace vedette::daemon::metrics
