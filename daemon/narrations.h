#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/evidence/evidence_store.h"
#include "daemon/http/http_server.h"
#include "daemon/metrics/metrics.h"
#include "daemon/narration/sight_parts.h"
#include "daemon/narration/stream_narration.h"
#include "daemon/settings/settings.h"
#include "models/runtime/runtime.h"
#include "sinks/publisher.h"

namespace vedette::daemon {

// The narrations of all streams, by id, with what they share. Destroyed, they are stopped, so that what is
// open closes, before the publisher is.
class Narrations {
 public:
  // `see`: folder of the model that sees; empty: none. Models and publisher must outlive this. Throws:
  // std::runtime_error naming the file in `see` that is wrong.
  Narrations(const settings::Settings& settings, models::runtime::Runtime& models,
             sinks::Publisher& publisher, const std::filesystem::path& see);
  ~Narrations();
  Narrations(const Narrations&) = delete;
  Narrations& operator=(const Narrations&) = delete;

  // Null: there is no such stream.
  std::shared_ptr<narration::StreamNarration> find(const std::string& stream) const;
  // How prompts are written; null without a language model.
  const narration::PromptWriter* writer() const { return parts_.writer(); }
  // The newest picture of a stream, for the page that shows it.
  http::LatestPicture picture(const std::string& stream) const;
  // What /metrics shows of them.
  void write(metrics::Scrape& scrape) const;

 private:
  narration::NarrationOptions options_for(const settings::StreamSettings& stream,
                                          const models::runtime::Runtime& models);

  narration::SightParts parts_;
  std::optional<evidence::EvidenceStore> evidence_;
  std::map<std::string, std::shared_ptr<narration::StreamNarration>> by_stream_;
};

}  // namespace vedette::daemon
