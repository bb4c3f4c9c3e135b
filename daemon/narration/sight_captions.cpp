// The part of StreamSight that makes captions: when, from what, and what becomes of the model's text.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "daemon/narration/error_text.h"
#include "daemon/narration/repetition.h"
#include "daemon/narration/scene.h"
#include "daemon/narration/stream_sight.h"

namespace vedette::daemon::narration {

using models::runtime::FinishReason;
using models::runtime::ImageFrame;
using models::runtime::Priority;
using models::runtime::TextCallbacks;
using models::runtime::TextRequest;
using models::runtime::TextResult;

namespace {

constexpr std::size_t kMostBytes = 400;  // of a caption

// One line without what the model says twice, at most so long; "" when there is no letter in it.
std::string as_caption(std::string_view text) {
  std::string line(without_repetition(text));
  std::ranges::replace(line, '\n', ' ');
  const auto first = line.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  line = line.substr(first, line.find_last_not_of(' ') - first + 1);
  if (line.size() > kMostBytes) {
    std::size_t end = kMostBytes;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;  // a whole character
    line.resize(end);
  }
  const bool words = std::ranges::any_of(line, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80U) != 0;
  });
  return words ? line : std::string();
}

}  // namespace

// Asks for a caption when something has changed since the last one and it is time.
void StreamSight::ask_caption(base::MediaTime now, Actions& later) {
  if (!options_.captions || !changed_ || asked_) return;
  const bool asks_model = model_narrates() && caption_share_ > 0.0;
  std::chrono::duration<double> wait =
      much_ ? std::min(options_.caption_soonest, options_.caption_every) : options_.caption_every;
  if (asks_model) wait /= caption_share_;
  if (asked_at_ && asked_at_->epoch == now.epoch && now.t - asked_at_->t < wait) return;
  asked_at_ = now;
  changed_ = much_ = false;
  if (asks_model) return ask_model(now, later);
  tell(now, {facts_sentence(), CaptionSource::kFacts, "", ""}, latest_);
}

void StreamSight::set_caption_share(double share) {
  const std::lock_guard lock(mutex_);
  caption_share_ = share;
}

void StreamSight::ask_model(base::MediaTime now, Actions& later) {
  StreamPrompt& growing = *prompt();
  TextRequest request;
  request.session = growing.bring_up(clock_of(now.epoch).utc_ms(now.t));
  if (request.session == nullptr) {  // the engine has no room for one: what was measured is still true
    tell(now, {facts_sentence(), CaptionSource::kFacts, "", ""}, latest_);
    return;
  }
  models::runtime::PromptPiece asked = growing.question(options_.caption_prompt);
  request.prompt = std::move(asked.tokens);
  request.embeddings = std::move(asked.embeddings);
  request.max_new_tokens = options_.caption_tokens;
  request.priority = Priority::kCaption;
  const std::uint64_t number = ++number_;
  asked_ = Asked{number, now, latest_, "", nullptr};
  ++stats_.captions_asked;
  later.push_back([self = weak_from_this(), &engine = engine_, number,
                   request = std::make_shared<TextRequest>(std::move(request))] {
    TextCallbacks callbacks;
    callbacks.on_text = [self, number](std::string_view piece) {
      if (const auto sight = self.lock()) sight->on_caption_text(number, piece);
    };
    callbacks.on_finished = [self, number](TextResult result) {
      if (const auto sight = self.lock()) sight->on_caption(number, std::move(result));
    };
    auto handle = engine.submit(std::move(*request), std::move(callbacks));
    const auto sight = self.lock();
    if (sight == nullptr) return;
    const std::lock_guard lock(sight->mutex_);
    if (sight->asked_ && sight->asked_->number == number) sight->asked_->handle = std::move(handle);
  });
}

void StreamSight::on_caption_text(std::uint64_t number, std::string_view piece) {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    if (!asked_ || asked_->number != number || piece.empty()) return;
    asked_->text += piece;
    text = asked_->text;
  }
  publisher_.publish_live(stream_, text);
}

void StreamSight::on_caption(std::uint64_t number, TextResult result) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (!asked_ || asked_->number != number) return;
    Asked asked = std::move(*asked_);
    asked_.reset();
    const std::string text = as_caption(result.text);
    if (result.reason == FinishReason::kShed || result.reason == FinishReason::kCancelled) {
      ++stats_.captions_shed;
      send(captions_.end(asked.time.t));
      changed_ = true;  // it is still to be told
    } else if (result.reason == FinishReason::kError || text.empty()) {
      ++stats_.captions_failed;
      if (result.reason == FinishReason::kError) {
        base::log_limited(base::LogLevel::kError, stream_, "caption",
                          "the language model failed: " + message_of(result.error));
      }
      tell(asked.time, {facts_sentence(), CaptionSource::kFacts, "", ""}, std::move(asked.picture));
    } else {
      Caption caption{text, CaptionSource::kModel, options_.think_model,
                      options_.writer->hash(options_.caption_prompt)};
      if (names_what_is_not_there(text, asked.time)) {
        caption.text = facts_sentence();
        caption.source = CaptionSource::kOverruled;
      }
      tell(asked.time, std::move(caption), std::move(asked.picture));
    }
    ask_caption(latest_time_, later);
  }
  run(later);
}

// The caption that holds at this time, as a record and as a fact that keeps its picture.
void StreamSight::tell(base::MediaTime time, Caption caption, ImageFrame picture) {
  const bool is_new = !captions_.says(caption.text);
  std::vector<sinks::Record> records = captions_.say(time.t, caption);
  if (is_new) {
    ++stats_.captions[static_cast<std::size_t>(caption.source)];
    const sinks::Record& opened = records.back();
    Fact fact;
    fact.kind = FactKind::kCaption;
    fact.start = time;
    fact.end = time.t;
    fact.t_start_ms = fact.t_end_ms = opened.t_start_ms;
    fact.label = "caption";
    fact.text = caption.text;
    fact.record_id = opened.id;
    timeline_.add(std::move(fact));
    publisher_.publish_live(stream_, caption.text);
    sinks::StateUpdate update;
    update.stream = stream_;
    update.last_text = caption.text;
    update.last_text_ms = opened.t_end_ms;
    publisher_.publish_state(std::move(update));
  }
  send(std::move(records), std::move(picture));
}

std::string StreamSight::facts_sentence() const {
  return sentence_of(scene());
}

Scene StreamSight::scene() const {
  Scene scene;
  scene.sightings = sightings_;
  scene.has_heads = has_heads_;
  for (const Fact& fact : timeline_.open()) {
    if (fact.start.epoch != epoch_) continue;
    if (fact.kind == FactKind::kCondition) scene.conditions.push_back(fact.label);
    if (fact.kind == FactKind::kMoved && fact.label == "moves") scene.moves.push_back(fact.text);
    if (fact.kind == FactKind::kMoved && fact.label != "moves") scene.view.push_back(fact.text);
    if (fact.kind == FactKind::kSounded) scene.sounds.push_back(fact.text);
  }
  return scene;
}

bool StreamSight::names_what_is_not_there(const std::string& text, base::MediaTime time) const {
  if (!has_heads_) return false;  // nothing tells what is there
  const auto& layout = options_.writer->layout();
  const std::int64_t now_ms = clock_of(time.epoch).utc_ms(time.t);
  std::vector<std::string> facts;
  for (const Fact& fact : timeline_.between(now_ms - std::int64_t{1000} * layout.seconds, now_ms)) {
    if (fact.kind != FactKind::kCaption) facts.push_back(fact.text);
  }
  return names_unknown(text, layout.classes, facts);
}

}  // namespace vedette::daemon::narration
