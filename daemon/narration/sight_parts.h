#pragma once

#include <filesystem>
#include <optional>

#include "daemon/narration/prompt_writer.h"
#include "daemon/narration/stream_sight.h"
#include "models/audio/sound_head.h"
#include "models/runtime/runtime.h"

namespace vedette::daemon::narration {

// What the narrations of all streams and files share of the models: how prompts are written, and the names of
// sounds. The runtime must outlive it.
class SightParts {
 public:
  // `see`: folder of the model that sees; empty: none. Throws: std::runtime_error naming the file in `see`
  // that is wrong.
  SightParts(models::runtime::Runtime& models, const std::filesystem::path& see);
  SightParts(const SightParts&) = delete;
  SightParts& operator=(const SightParts&) = delete;

  // How prompts are written; null without a language model.
  const PromptWriter* writer() const { return writer_ ? &*writer_ : nullptr; }
  // Options with these parts in them, which must outlive what is made with them.
  SightOptions options() const;

 private:
  models::runtime::Runtime& models_;
  std::optional<PromptWriter> writer_;
  std::optional<models::audio::SoundHead> sounds_;
};

}  // namespace vedette::daemon::narration
