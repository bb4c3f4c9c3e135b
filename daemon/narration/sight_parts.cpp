#include "daemon/narration/sight_parts.h"

namespace vedette::daemon::narration {

SightParts::SightParts(const models::runtime::Runtime& models, const std::filesystem::path& see)
    : models_(models) {
  if (models.can_think()) {
    const auto& markup = models.see_markup();
    writer_.emplace(models.think_tokenizer(), models.think_template(),
                    see.empty() ? models::text::PromptLayout{} : models::text::PromptLayout::load(see),
                    markup.before, markup.after);
  }
  std::error_code error;
  if (models.can_hear() && !see.empty() && std::filesystem::exists(see / "sound" / "config.json", error)) {
    sounds_ = models::audio::SoundHead::load(see / "sound");
  }
}

SightOptions SightParts::options() const {
  SightOptions options;
  options.writer = writer();
  options.sounds = sounds_ ? &*sounds_ : nullptr;
  options.hear_model = models_.hear_name();
  options.think_model = models_.think_name();
  return options;
}

}  // namespace vedette::daemon::narration
