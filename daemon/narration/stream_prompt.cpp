#include "daemon/narration/stream_prompt.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include "base/log.h"

namespace vedette::daemon::narration {

using models::runtime::PromptPiece;
using models::runtime::PromptSession;

StreamPrompt::StreamPrompt(models::runtime::Engine& engine, const PromptWriter& writer,
                           const Timeline& timeline, const StreamPromptOptions& options)
    : engine_(engine), writer_(writer), timeline_(timeline), options_(options) {}

void StreamPrompt::see(std::int64_t t_ms, PictureRows picture) {
  pictures_.push_back({t_ms, std::make_shared<const PictureRows>(std::move(picture))});
  unsent_ = true;
  while (pictures_.size() > options_.most_pictures) pictures_.pop_front();
}

void StreamPrompt::hear(const std::string& record_id, models::tensor::Tensor rows) {
  sounds_.emplace_back(record_id, std::make_shared<const models::tensor::Tensor>(std::move(rows)));
  while (sounds_.size() > options_.most_sounds) sounds_.pop_front();
}

// Null when none are kept, or `shown` sounds are as many as the model was taught with.
SoundTokens StreamPrompt::rows_of(const Fact& fact, int shown) const {
  if (fact.kind != FactKind::kSounded || shown >= writer_.layout().sounds) return nullptr;
  const auto kept = std::ranges::find(sounds_, fact.record_id, &std::pair<std::string, SoundTokens>::first);
  return kept == sounds_.end() ? nullptr : kept->second;
}

// What the session has not got, in order of time; what ended before `from_ms` is passed over.
std::vector<StreamPrompt::Item> StreamPrompt::news(std::int64_t from_ms) {
  std::vector<Item> items;
  for (Fact& fact : timeline_.settled_after(told_)) {
    told_ = fact.number;
    const bool shown = fact.kind != FactKind::kCaption && fact.kind != FactKind::kStatus;
    if (!shown || fact.start.epoch != epoch_ || fact.t_end_ms < from_ms) continue;
    const std::int64_t t_ms = fact.t_start_ms;
    items.push_back({t_ms, std::move(fact), nullptr});
  }
  if (unsent_ && pictures_.back().t_ms >= from_ms) {
    items.push_back({pictures_.back().t_ms, {}, pictures_.back().tokens});
  }
  unsent_ = false;
  std::ranges::stable_sort(items, {}, [](const Item& item) {  // a picture before what is said of it
    return std::pair(item.t_ms, item.picture == nullptr);
  });
  return items;
}

void StreamPrompt::append(const std::vector<Item>& items) {
  PieceWriter piece(writer_);
  for (const Item& item : items) {
    const int before = piece.size();
    if (item.picture != nullptr) {
      piece.picture(item.t_ms - zero_ms_, item.picture);
      ++shown_;
    } else {
      const SoundTokens sound = rows_of(item.fact, sounded_);
      sounded_ += sound == nullptr ? 0 : 1;
      piece.fact(item.fact, zero_ms_, sound);
    }
    held_.emplace_back(item.t_ms, piece.size() - before);
  }
  session_->append(piece.take());
}

// A new session with the last while of what is known: half of what it may reach back to, and half of the
// room.
void StreamPrompt::open(std::int64_t now_ms) {
  models::runtime::SessionOptions options;
  options.head.tokens = writer_.head();
  options.most_tokens = options_.most_tokens;
  session_ = engine_.open_session(std::move(options));
  told_ = 0;
  shown_ = sounded_ = 0;
  unsent_ = !pictures_.empty();
  held_.clear();
  forgotten_ = 0;
  std::vector<Item> items = news(now_ms - std::int64_t{1000} * writer_.layout().seconds / 2);
  int room = options_.most_tokens / 2;
  auto first = items.end();
  for (; first != items.begin(); --first) {
    const Item& item = *std::prev(first);
    PieceWriter one(writer_);
    if (item.picture != nullptr) {
      one.picture(0, item.picture);
    } else {
      one.fact(item.fact, now_ms, rows_of(item.fact, 0));
    }
    room -= one.size();
    if (room < 0) break;
  }
  items.erase(items.begin(), first);
  zero_ms_ = items.empty() ? now_ms : std::min(now_ms, items.front().t_ms);
  if (session_ != nullptr && !items.empty()) append(items);
}

std::shared_ptr<PromptSession> StreamPrompt::bring_up(std::int64_t now_ms) {
  try {
    return grow(now_ms);
  } catch (const std::exception& error) {
    base::log_limited(base::LogLevel::kError, "prompt", "session", error.what());
    session_.reset();
    return nullptr;
  }
}

std::shared_ptr<PromptSession> StreamPrompt::grow(std::int64_t now_ms) {
  const bool full = unsent_ && shown_ >= writer_.layout().pictures;
  if (session_ == nullptr || full || now_ms - zero_ms_ > std::int64_t{1000} * writer_.layout().seconds) {
    open(now_ms);
    return session_;
  }
  const std::vector<Item> items = news(zero_ms_);
  if (!items.empty()) append(items);
  return session_;
}

void StreamPrompt::going_on(PieceWriter& piece) const {
  int sounded = sounded_;
  for (Fact& fact : timeline_.open()) {
    const bool shown = fact.kind != FactKind::kCaption && fact.kind != FactKind::kStatus;
    if (!shown || fact.start.epoch != epoch_) continue;
    // What is seen still holds: it is told as of the newest picture.
    if (fact.kind == FactKind::kSeen && !pictures_.empty())
      fact.t_start_ms = std::max(fact.t_start_ms, pictures_.back().t_ms);
    const SoundTokens sound = rows_of(fact, sounded);
    sounded += sound == nullptr ? 0 : 1;
    piece.fact(fact, zero_ms_, sound);
  }
}

PromptPiece StreamPrompt::question(std::string_view text) const {
  PieceWriter piece(writer_);
  going_on(piece);
  piece.tokens(writer_.question(text));
  return piece.take();
}

PromptPiece StreamPrompt::check(std::string_view condition) const {
  PieceWriter piece(writer_);
  going_on(piece);
  piece.tokens(writer_.check(condition));
  return piece.take();
}

std::int64_t StreamPrompt::since_ms() {
  const std::int64_t forgotten = session_ == nullptr ? 0 : session_->forgotten_tokens();
  while (!held_.empty() && forgotten_ < forgotten) {
    forgotten_ += held_.front().second;
    held_.pop_front();
  }
  return held_.empty() ? std::numeric_limits<std::int64_t>::max() : held_.front().first;
}

std::vector<KeptPicture> StreamPrompt::pictures(std::int64_t from_ms, std::int64_t to_ms) const {
  std::vector<KeptPicture> found;
  for (const KeptPicture& picture : pictures_) {
    if (picture.t_ms >= from_ms && picture.t_ms <= to_ms) found.push_back(picture);
  }
  return found;
}

KeptSounds StreamPrompt::sounds(const std::vector<Fact>& facts) const {
  KeptSounds found;
  for (auto fact = facts.rbegin(); fact != facts.rend(); ++fact) {
    const SoundTokens rows = rows_of(*fact, static_cast<int>(found.size()));
    if (rows != nullptr) found.emplace(fact->record_id, rows);
  }
  return found;
}

void StreamPrompt::enter(std::uint32_t epoch) {
  epoch_ = epoch;
  session_.reset();
  pictures_.clear();
  sounds_.clear();
  unsent_ = false;
  held_.clear();
}

}  // namespace vedette::daemon::narration
