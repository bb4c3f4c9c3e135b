#include "daemon/narrations.h"

#include <utility>

#include "base/log.h"
#include "daemon/metrics/sources.h"

namespace vedette::daemon {

Narrations::Narrations(const settings::Settings& settings, models::runtime::Runtime& models,
                       sinks::Publisher& publisher, const std::filesystem::path& see)
    : parts_(models, see) {
  const auto folder = settings::evidence_folder(settings.evidence, settings::process_environment());
  if (!folder.empty()) {
    evidence::EvidenceOptions options;
    options.folder = folder;
    options.quota_bytes = settings.evidence.quota_bytes;
    evidence_.emplace(std::move(options));
  }
  for (const auto& stream : settings.streams) {
    by_stream_[stream.id] = narration::StreamNarration::create(stream.id, models.engine(), publisher,
                                                               options_for(stream, models));
  }
}

Narrations::~Narrations() {
  for (const auto& [id, narration] : by_stream_) narration->stop();
}

narration::NarrationOptions Narrations::options_for(const settings::StreamSettings& stream,
                                                    const models::runtime::Runtime& models) {
  auto options = stream.reads_fast() ? narration::whole_windows() : narration::NarrationOptions{};
  options.hear_model = models.hear_name();
  narration::SightOptions& sight = options.sight.emplace(parts_.options());
  sight.captions = stream.video && stream.caption.enabled;
  sight.caption_every = stream.caption.every;
  sight.caption_prompt = stream.caption.prompt;
  for (const settings::AlertRule& rule : stream.alerts)
    sight.alerts.push_back({rule.when, rule.threshold, rule.cooldown});
  if (!stream.alerts.empty() && writer() == nullptr) {
    base::log(base::LogLevel::kWarning, stream.id,
              "alerts need a language model (models.think): none is raised");
  } else if (!stream.alerts.empty() && !writer()->layout().narrates) {
    base::log(
        base::LogLevel::kWarning, stream.id,
        "the model was not taught to check pictures: alerts are scored from what is measured and heard");
  }
  sight.evidence = evidence_ ? &*evidence_ : nullptr;
  return options;
}

std::shared_ptr<narration::StreamNarration> Narrations::find(const std::string& stream) const {
  const auto found = by_stream_.find(stream);
  return found != by_stream_.end() ? found->second : nullptr;
}

http::LatestPicture Narrations::picture(const std::string& stream) const {
  const auto narration = find(stream);
  if (narration == nullptr) return {};
  return {true, narration->sight()->latest_jpeg()};
}

void Narrations::write(metrics::Scrape& scrape) const {
  for (const auto& [id, narration] : by_stream_) metrics::write(scrape, id, narration->sight()->stats());
  metrics::write(scrape, evidence_ ? evidence_->stats() : evidence::EvidenceStats{});
}

}  // namespace vedette::daemon
