#pragma once

#include <memory>
#include <optional>

#include "daemon/evidence/evidence_store.h"
#include "daemon/metrics/metrics.h"
#include "daemon/narration/sight_parts.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/settings/settings.h"
#include "models/runtime/runtime.h"
#include "sinks/publisher.h"

namespace vedette::daemon::service {

// Makes the narrations of streams, and owns what they share: prompts, names of sounds, the pictures on disk.
// Must outlive what it makes. Thread-safe, but for `make`: one thread.
class NarrationMaker {
 public:
  // `see`: folder of the model that sees; empty: none. Models and publisher must outlive this. Throws:
  // std::runtime_error naming the file in `see` that is wrong.
  NarrationMaker(const settings::EvidenceSettings& evidence, models::runtime::Runtime& models,
                 sinks::Publisher& publisher, const std::filesystem::path& see);
  NarrationMaker(const NarrationMaker&) = delete;
  NarrationMaker& operator=(const NarrationMaker&) = delete;

  std::shared_ptr<narration::StreamNarration> make(const settings::StreamSettings& stream);
  // Of the pictures on disk, from the next one on.
  void set_quota(std::size_t bytes);
  // How prompts are written; null without a language model.
  const narration::PromptWriter* writer() const { return parts_.writer(); }
  void write(metrics::Scrape& scrape) const;

 private:
  models::runtime::Runtime& models_;
  sinks::Publisher& publisher_;
  narration::SightParts parts_;
  std::optional<evidence::EvidenceStore> evidence_;
  std::int64_t newest_start_ms_ = 0;
};

}  // namespace vedette::daemon::service
