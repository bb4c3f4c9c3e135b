#include "daemon/narration/sight_parts.h"

#include <algorithm>

#include "base/log.h"
#include "models/runtime/sight_model.h"

namespace vedette::daemon::narration {

namespace {
constexpr int kFactTokens = 512;   // of a prompt's system message, facts and question
constexpr int kPictureMarks = 96;  // tokens around a picture's tiles
}  // namespace

SightParts::SightParts(models::runtime::Runtime& models, const std::filesystem::path& see) : models_(models) {
  if (models.can_think()) {
    writer_.emplace(models.think_tokenizer(), models.think_template(),
                    see.empty() ? models::text::PromptLayout{} : models::text::PromptLayout::load(see),
                    models.see_markup());
  }
  std::error_code error;
  if (models.can_hear() && !see.empty() && std::filesystem::exists(see / "sound" / "config.json", error)) {
    const std::string wanted = models::runtime::SightFolder::open(see).hear_base;
    if (wanted.empty() || wanted == models.hear_name()) {
      sounds_ = models::audio::SoundHead::load(see / "sound");
    } else {
      base::log(base::LogLevel::kWarning, "models",
                (see / "sound").string() + " is for the speech model " + wanted + ", and " +
                    models.hear_name() + " hears: other sounds than words have no names");
    }
  }
}

SightOptions SightParts::options() const {
  SightOptions options;
  options.writer = writer();
  options.sounds = sounds_ ? &*sounds_ : nullptr;
  options.sound_rows = models_.sounds();
  // A prompt holds as many pictures as the model was taught with, and facts beside them.
  if (models_.can_see() && writer_) {
    const int pictures = writer_->layout().pictures * (models_.see_tokens() + kPictureMarks);
    options.prompt.most_tokens =
        std::clamp(pictures + kFactTokens, options.prompt.most_tokens,
                   std::max(options.prompt.most_tokens, models_.think_context() / 2));
  }
  options.hear_model = models_.hear_name();
  options.think_model = models_.think_name();
  return options;
}

}  // namespace vedette::daemon::narration
