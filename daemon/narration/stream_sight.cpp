#include "daemon/narration/stream_sight.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "daemon/evidence/jpeg.h"
#include "daemon/narration/scene.h"

namespace vedette::daemon::narration {

using models::runtime::ImageFrame;
using std::chrono::nanoseconds;
using streams::SeenFrame;

namespace {
constexpr std::size_t kMostClocks = 4;
}  // namespace

std::shared_ptr<StreamSight> StreamSight::create(std::string stream, models::runtime::Engine& engine,
                                                 sinks::Publisher& publisher,
                                                 std::shared_ptr<StreamBook> book, SightOptions options) {
  return std::shared_ptr<StreamSight>(
      new StreamSight(std::move(stream), engine, publisher, std::move(book), std::move(options)));
}

StreamSight::StreamSight(std::string stream, models::runtime::Engine& engine, sinks::Publisher& publisher,
                         std::shared_ptr<StreamBook> book, SightOptions options)
    : stream_(std::move(stream)),
      engine_(engine),
      publisher_(publisher),
      book_(std::move(book)),
      timeline_(book_->timeline),
      options_(std::move(options)),
      outbox_(publisher, options_.evidence,
              [book = book_](const std::string& record_id, const std::string& path) {
                book->timeline.set_frame(record_id, path);
              }),
      captions_(stream_, book_->ids, options_.caption),
      motion_(stream_, *book_),
      sounds_(stream_, options_.hear_model, *book_, options_.sounds,
              model_narrates() ? options_.sound_rows : nullptr) {
  for (const AlertRule& rule : options_.alerts) {
    auto plain = model_narrates() ? std::nullopt : PlainCondition::parse(rule.when);
    const bool taught = options_.writer != nullptr && options_.writer->layout().answers;
    if (!plain && !model_narrates() && !taught) {
      base::log(base::LogLevel::kWarning, stream_,
                "alert \"" + rule.when +
                    "\": the facts alone do not decide it, and the language model, which was not taught to "
                    "answer, hardly can");
    }
    rules_.push_back({rule, std::move(plain), 0, {}, {}, {}, nullptr});
  }
}

StreamPrompt* StreamSight::prompt() {
  if (!prompt_ && options_.writer != nullptr) {
    prompt_.emplace(engine_, *options_.writer, timeline_, options_.prompt);
    prompt_->enter(epoch_);
  }
  return prompt_ ? &*prompt_ : nullptr;
}

bool StreamSight::model_narrates() const {
  return options_.writer != nullptr && options_.writer->layout().narrates;
}

void StreamSight::run(Actions& actions) {
  for (const auto& action : actions) action();
  actions.clear();
}

base::ClockMap StreamSight::clock_of(std::uint32_t epoch) const {
  const auto known = clocks_.find(epoch);
  if (known != clocks_.end()) return known->second;
  base::ClockMap clock;  // nobody told: what is newest arrived just now
  clock.epoch = epoch;
  clock.utc_zero = std::chrono::milliseconds(base::utc_now_ms()) - latest_time_.t;
  clock.error = std::chrono::seconds(1);
  return clock;
}

void StreamSight::on_clock(const base::ClockMap& clock) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    clocks_[clock.epoch] = clock;
    while (clocks_.size() > kMostClocks) clocks_.erase(clocks_.begin());
    if (clock.epoch > epoch_) {
      leave_epoch(latest_time_.t, later);
      enter_epoch(clock.epoch);
    }
    if (clock.epoch == epoch_) captions_.set_clock(clock);
  }
  run(later);
}

void StreamSight::enter_epoch(std::uint32_t epoch) {
  epoch_ = epoch;
  latest_time_ = {epoch, nanoseconds{0}};
  captions_.set_clock(clock_of(epoch));
  if (prompt_) prompt_->enter(epoch);
}

void StreamSight::leave_epoch(nanoseconds end, Actions& later) {
  send(captions_.end(end));
  send(motion_.end());
  send(sounds_.end());
  timeline_.close("sees", end, clock_of(epoch_).utc_ms(end));
  if (!told_fault_.empty()) timeline_.close(told_fault_, end, clock_of(epoch_).utc_ms(end));
  fault_.clear();
  told_fault_.clear();
  if (asked_ && asked_->handle) later.push_back([handle = asked_->handle] { handle->cancel(); });
  asked_.reset();
  for (Rule& rule : rules_) {
    if (rule.check != 0 && rule.handle) later.push_back([handle = rule.handle] { handle->cancel(); });
    rule.check = 0;
    rule.picture = {};
    rule.raised.reset();  // the cooldown is counted in the time of an epoch
  }
  looks_ = has_heads_ = changed_ = much_ = false;
  sightings_.clear();
  seen_.clear();
  asked_at_.reset();
}

void StreamSight::on_seen(SeenFrame frame) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || frame.time.epoch < epoch_) return;
    if (frame.time.epoch > epoch_) {
      leave_epoch(latest_time_.t, later);
      enter_epoch(frame.time.epoch);
    }
    stats_.lost += frame.lost;
    latest_time_ = std::max(latest_time_, frame.time);
    if (frame.last) {
      leave_epoch(latest_time_.t, later);
      if (prompt_) prompt_->enter(epoch_);
    } else {
      ++stats_.pictures;
      looks_ = true;
      if (frame.picture.owner != nullptr) {
        latest_ = frame.picture;
        latest_jpeg_.reset();
      }
      const bool unchanged = frame.tokens.empty() && frame.change <= 0.0F;
      if (unchanged) {
        ++stats_.unchanged;
        note_fault(frame.time, std::string(fault_));
        if (!changed_ && !asked_) send(captions_.still(frame.time.t));
      } else {
        note_sightings(frame);
        changed_ = true;
        much_ = much_ || frame.change >= options_.much;
        stats_.tiles_left_out += static_cast<std::uint64_t>(frame.tiles_left_out);
        if (!frame.tokens.empty() && model_narrates()) {
          prompt()->see(clock_of(epoch_).utc_ms(frame.time.t), {std::move(frame.tokens), frame.tiles});
        }
      }
      ask_caption(frame.time, later);
      if (!unchanged) check_rules(frame.time, later);
    }
  }
  run(later);
}

void StreamSight::on_motion(const signals::MotionEvent& event) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || event.start.epoch != epoch_) return;
    std::vector<sinks::Record> records = motion_.take(event, clock_of(epoch_));
    if (records.empty()) return;
    ++stats_.motions;
    send(std::move(records), latest_);
    something_moved(event.end, later);
  }
  run(later);
}

void StreamSight::on_heard(const streams::HeardWindow& window) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || window.start.epoch != epoch_) return;
    std::vector<sinks::Record> records = sounds_.take(window, clock_of(epoch_));
    for (auto& [record_id, rows] : sounds_.take_rows()) prompt()->hear(record_id, std::move(rows));
    if (records.empty()) return;
    ++stats_.sounds;
    send(std::move(records), latest_);
    something_moved({epoch_, window.start.t + window.length}, later);
  }
  run(later);
}

// Movement or a sound began or ended: the picture is told of anew, and rules are checked.
void StreamSight::something_moved(base::MediaTime now, Actions& later) {
  now = std::max(now, latest_time_);
  if (looks_) {
    changed_ = much_ = true;
    ask_caption(now, later);
  }
  check_rules(now, later);
}

void StreamSight::on_words(base::MediaTime now) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || now.epoch != epoch_ || rules_.empty()) return;
    bool news = false;
    for (const Fact& fact : timeline_.settled_after(words_)) {
      words_ = fact.number;
      news = news || fact.kind == FactKind::kHeard;
    }
    if (news) check_rules(std::max(now, latest_time_), later);
  }
  run(later);
}

void StreamSight::on_condition(base::MediaTime now) {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || now.epoch != epoch_) return;
    check_rules(std::max(now, latest_time_), later);
  }
  run(later);
}

void StreamSight::send(std::vector<sinks::Record> records, ImageFrame picture) {
  for (sinks::Record& record : records) {
    const bool rests_on_it = record.state == sinks::RecordState::kOpen;
    outbox_.push(std::move(record), rests_on_it ? picture : ImageFrame{});
  }
}

void StreamSight::stop() {
  Actions later;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    leave_epoch(latest_time_.t, later);
    stopped_ = true;
    latest_ = {};
    prompt_.reset();
  }
  outbox_.flush();
  run(later);
}

std::vector<KeptPicture> StreamSight::pictures(std::int64_t from_ms, std::int64_t to_ms) const {
  const std::lock_guard lock(mutex_);
  return prompt_ ? prompt_->pictures(from_ms, to_ms) : std::vector<KeptPicture>{};
}

KeptSounds StreamSight::sounds(const std::vector<Fact>& facts) const {
  const std::lock_guard lock(mutex_);
  return prompt_ ? prompt_->sounds(facts) : KeptSounds{};
}

StreamSight::Fork StreamSight::fork(const std::vector<Fact>& facts, std::int64_t now_ms,
                                    std::string_view question) {
  const std::lock_guard lock(mutex_);
  if (!prompt_ || stopped_) return {};
  Fork fork;
  fork.session = prompt_->bring_up(now_ms);
  const std::int64_t since_ms = prompt_->since_ms();
  const bool whole = std::ranges::all_of(facts, [&](const Fact& fact) {
    const bool shown = fact.kind != FactKind::kCaption && fact.kind != FactKind::kStatus;
    return !shown || fact.open || fact.t_start_ms >= since_ms;
  });
  if (fork.session == nullptr || !whole) return {};
  fork.suffix = prompt_->question(question);
  return fork;
}

std::shared_ptr<const std::string> StreamSight::latest_jpeg() {
  ImageFrame picture;
  {
    const std::lock_guard lock(mutex_);
    if (latest_jpeg_ != nullptr || latest_.owner == nullptr) return latest_jpeg_;
    picture = latest_;
  }
  std::shared_ptr<const std::string> jpeg;
  try {
    jpeg = std::make_shared<const std::string>(evidence::encode_jpeg(picture.view));
  } catch (const std::exception& error) {
    base::log_limited(base::LogLevel::kWarning, stream_, "jpeg", error.what());
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  if (latest_.owner == picture.owner) latest_jpeg_ = jpeg;
  return jpeg;
}

bool StreamSight::has_latest() const {
  const std::lock_guard lock(mutex_);
  return latest_.owner != nullptr;
}

ImageFrame StreamSight::latest_picture(std::int64_t from_ms, std::int64_t to_ms) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t t_ms = clock_of(latest_time_.epoch).utc_ms(latest_time_.t);
  return t_ms >= from_ms && t_ms <= to_ms ? latest_ : ImageFrame{};
}

bool StreamSight::has_pictures() const {
  const std::lock_guard lock(mutex_);
  return looks_;
}

bool StreamSight::busy() const {
  const std::lock_guard lock(mutex_);
  return asked_.has_value() || std::ranges::any_of(rules_, [](const Rule& rule) { return rule.check != 0; });
}

SightStats StreamSight::stats() const {
  const std::lock_guard lock(mutex_);
  SightStats stats = stats_;
  stats.outbox = outbox_.stats();
  return stats;
}

}  // namespace vedette::daemon::narration
