#include "daemon/service/narration_maker.h"

#include <algorithm>
#include <utility>

#include "base/time.h"
#include "daemon/metrics/sources.h"

namespace vedette::daemon::service {

NarrationMaker::NarrationMaker(const settings::EvidenceSettings& evidence, models::runtime::Runtime& models,
                               sinks::Publisher& publisher, const std::filesystem::path& see)
    : models_(models), publisher_(publisher), parts_(models, see) {
  const auto folder = settings::evidence_folder(evidence, settings::process_environment());
  if (folder.empty()) return;
  evidence::EvidenceOptions options;
  options.folder = folder;
  options.quota_bytes = evidence.quota_bytes;
  evidence_.emplace(std::move(options));
}

std::shared_ptr<narration::StreamNarration> NarrationMaker::make(const settings::StreamSettings& stream) {
  auto options = stream.reads_fast() ? narration::whole_windows() : narration::NarrationOptions{};
  options.hear_model = models_.hear_name();
  // Ids of records begin with it: reloads may follow each other within a millisecond.
  newest_start_ms_ = options.start_ms = std::max(newest_start_ms_ + 1, base::utc_now_ms());
  narration::SightOptions& sight = options.sight.emplace(parts_.options());
  sight.captions = stream.video && stream.caption.enabled;
  sight.caption_every = stream.caption.every;
  sight.caption_prompt = stream.caption.prompt;
  for (const settings::AlertRule& rule : stream.alerts)
    sight.alerts.push_back({rule.when, rule.threshold, rule.cooldown});
  sight.evidence = evidence_ ? &*evidence_ : nullptr;
  return narration::StreamNarration::create(stream.id, models_.engine(), publisher_, options);
}

void NarrationMaker::set_quota(std::size_t bytes) {
  if (evidence_) evidence_->set_quota(bytes);
}

void NarrationMaker::write(metrics::Scrape& scrape) const {
  metrics::write(scrape, evidence_ ? evidence_->stats() : evidence::EvidenceStats{});
}

}  // namespace vedette::daemon::service
