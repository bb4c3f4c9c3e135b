#include "daemon/narration/stream_narration.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "daemon/narration/error_text.h"
#include "models/audio/transcript.h"

namespace vedette::daemon::narration {

using models::runtime::FinishReason;
using models::runtime::SpeechRequest;
using models::runtime::SpeechResult;
using std::chrono::nanoseconds;
using streams::HeardWindow;

namespace {

constexpr std::size_t kMostWaiting = 4;  // windows that hold different sound; usually there is none or one
constexpr std::size_t kMostClocks = 4;

double seconds(nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

NarrationOptions whole_windows() {
  NarrationOptions options;
  options.whole_windows = true;
  options.speech = {};
  options.speech.word_times = true;
  options.max_no_speech_probability = 1.0F;
  options.min_doubtful_log_probability = options.speech.min_log_probability;
  options.transcripts.longest_wait = {};
  options.transcripts.longest = std::chrono::seconds(20);
  return options;
}

std::shared_ptr<StreamNarration> StreamNarration::create(std::string stream, models::runtime::Engine& engine,
                                                         sinks::Publisher& publisher,
                                                         const NarrationOptions& options) {
  return std::shared_ptr<StreamNarration>(new StreamNarration(std::move(stream), engine, publisher, options));
}

StreamNarration::StreamNarration(std::string stream, models::runtime::Engine& engine,
                                 sinks::Publisher& publisher, const NarrationOptions& options)
    : stream_(std::move(stream)),
      engine_(engine),
      publisher_(publisher),
      options_(options),
      book_(std::make_shared<StreamBook>(
          stream_, options.start_ms != 0 ? options.start_ms : base::utc_now_ms(), options.timeline)),
      timeline_(book_->timeline),
      ids_(book_->ids),
      sight_(options.sight ? StreamSight::create(stream_, engine, publisher, book_, *options.sight)
                           : nullptr),
      transcripts_(stream_, options.hear_model, ids_, options.transcripts) {}

void StreamNarration::on_heard(HeardWindow window) {
  if (sight_) sight_->on_heard(window);
  std::unique_lock lock(mutex_);
  if (stopped_) return;
  ++stats_.windows;
  if (window.features.empty()) ++stats_.silent;
  newest_ = std::max(newest_, {window.start.epoch, window.start.t + window.length});
  sinks::StateUpdate update;
  update.stream = stream_;
  update.last_frame_ms = clock_of(newest_.epoch).utc_ms(newest_.t);
  publisher_.publish_state(std::move(update));
  enqueue(std::move(window));
  pump(lock);
}

void StreamNarration::on_seen(streams::SeenFrame frame) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    newest_ = std::max(newest_, frame.time);
    sinks::StateUpdate update;
    update.stream = stream_;
    update.last_frame_ms = clock_of(frame.time.epoch).utc_ms(frame.time.t);
    publisher_.publish_state(std::move(update));
  }
  if (sight_) sight_->on_seen(std::move(frame));
}

void StreamNarration::on_motion(const signals::MotionEvent& event) {
  if (sight_) sight_->on_motion(event);
}

base::MediaTime StreamNarration::committed_until() const {
  const std::lock_guard lock(mutex_);
  return {epoch_, settled_until()};
}

void StreamNarration::stop() {
  std::shared_ptr<models::runtime::RequestHandle> handle;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    stats_.shed += waiting_.size();
    waiting_.clear();
    if (running_) handle = running_->handle;
    running_.reset();
    leave_epoch(newest_.t);
    close_conditions();
    if (status_) close_status(*status_, newest_.t, base::utc_now_ms());
    status_.reset();
  }
  if (handle) handle->cancel();
  if (sight_) sight_->stop();
}

std::int64_t StreamNarration::known_until_ms() const {
  const std::lock_guard lock(mutex_);
  const base::ClockMap clock = clock_of(newest_.epoch);
  return clock.source == base::ClockSource::kFile ? clock.utc_ms(newest_.t) : base::utc_now_ms();
}

NarrationStats StreamNarration::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

bool StreamNarration::busy() const {
  if (sight_ && sight_->busy()) return true;
  const std::lock_guard lock(mutex_);
  return running_.has_value() || !waiting_.empty();
}

nanoseconds StreamNarration::settled_until() const {
  if (whole_) return whole_->cut();
  return agreement_ ? agreement_->cut() : nanoseconds{0};
}

// True when a pass over the newer window makes one over the older one needless.
bool StreamNarration::replaces(const HeardWindow& newer, const HeardWindow& older) const {
  if (newer.start.epoch != older.start.epoch || older.last) return false;
  if (older.features.empty() || newer.features.empty())
    return older.features.empty() && newer.features.empty();
  const nanoseconds settled = agreement_ && epoch_ == older.start.epoch ? agreement_->cut() : nanoseconds{0};
  return newer.start.t <= std::max(older.start.t, settled);
}

void StreamNarration::enqueue(HeardWindow window) {
  if (!waiting_.empty() && replaces(window, waiting_.back())) {
    if (!window.features.empty()) ++stats_.superseded;
    waiting_.back() = std::move(window);
    return;
  }
  waiting_.push_back(std::move(window));
  if (waiting_.size() <= kMostWaiting) return;
  ++stats_.shed;
  base::log_limited(base::LogLevel::kWarning, stream_, "shed",
                    "speech recognition is behind: a window was shed");
  waiting_.pop_front();
}

// Begins the next pass, unless one is running.
void StreamNarration::pump(std::unique_lock<std::mutex>& lock) {
  std::optional<SpeechRequest> request = next_request();
  if (!request) return;
  const std::uint64_t number = running_->number;
  lock.unlock();
  auto handle = engine_.submit(std::move(*request), [self = weak_from_this(), number](SpeechResult result) {
    if (const auto narration = self.lock()) narration->on_pass(number, std::move(result));
  });
  lock.lock();
  if (running_ && running_->number == number) {
    running_->handle = std::move(handle);
  } else if (stopped_ && handle) {
    lock.unlock();
    handle->cancel();
    lock.lock();
  }
}

// Takes windows from the waiting line until one needs a pass.
std::optional<SpeechRequest> StreamNarration::next_request() {
  while (!running_ && !waiting_.empty()) {
    HeardWindow window = std::move(waiting_.front());
    waiting_.pop_front();
    if (!agreement_ || window.start.epoch != epoch_) enter_epoch(window.start.epoch);
    const nanoseconds end = window.start.t + window.length;
    if (window.features.empty()) {
      if (whole_) whole_->skip(end);
      commit(agreement_->settle(end), end, true);
      if (window.last) leave_epoch(end);
      continue;
    }
    running_ = Pass{++pass_number_, window.start, end, window.last, nullptr};
    SpeechRequest request;
    request.features = std::move(window.features);
    request.audio_length = window.length;
    request.options = options_.speech;
    return request;
  }
  return std::nullopt;
}

void StreamNarration::on_pass(std::uint64_t number, SpeechResult result) {
  std::unique_lock lock(mutex_);
  if (!running_ || running_->number != number) return;
  const Pass pass = std::move(*running_);
  running_.reset();
  take_pass(pass, std::move(result));
  pump(lock);
  if (!sight_) return;
  const base::MediaTime now = newest_;
  lock.unlock();
  sight_->on_words(now);
}

void StreamNarration::take_pass(const Pass& pass, SpeechResult result) {
  if (result.reason == FinishReason::kStop || result.reason == FinishReason::kLength) {
    ++stats_.passes;
    log_pass(pass, result.transcript);
    if (is_noise(pass, result.transcript)) result.transcript.rejected = true;
    if (result.transcript.rejected) ++stats_.rejected;
    if (whole_) {
      const auto words = whole_->pass(result.transcript, pass.start.t, pass.end);
      commit(words, whole_->cut(), pass.last);
    } else {
      commit(agreement_->pass(words_of(result.transcript, pass.start.t), pass.start.t, pass.end, pass.last),
             pass.end, pass.last);
    }
  } else if (result.reason == FinishReason::kError) {
    ++stats_.failed;
    base::log_limited(base::LogLevel::kError, stream_, "speech",
                      "speech recognition failed: " + message_of(result.error));
  } else {
    ++stats_.shed;
    base::log_limited(base::LogLevel::kWarning, stream_, "shed",
                      "speech recognition is behind: a pass was shed");
  }
  if (whole_ && whole_->cut() <= pass.start.t) whole_->skip(pass.end);  // what was lost is not heard again
  if (pass.last) leave_epoch(pass.end);
}

bool StreamNarration::is_noise(const Pass& pass, const models::audio::Transcript& transcript) const {
  const float silence = transcript.no_speech_probability, words = transcript.mean_log_probability;
  if (silence > options_.max_no_speech_probability && words < options_.min_log_probability) return true;
  if (words >= options_.min_doubtful_log_probability) return false;
  return silence > options_.max_doubtful_no_speech_probability ||
         pass.end - pass.start.t < options_.doubtful_window;
}

void StreamNarration::log_pass(const Pass& pass, const models::audio::Transcript& transcript) const {
  std::string text;
  for (const auto& segment : transcript.segments) text += segment.text;
  char line[256];
  std::snprintf(
      line, sizeof line,
      "heard %.2f-%.2f s: no-speech %.2f, log-probability %.2f, temperature %.1f%s%s:", seconds(pass.start.t),
      seconds(pass.end), static_cast<double>(transcript.no_speech_probability),
      static_cast<double>(transcript.mean_log_probability), static_cast<double>(transcript.temperature),
      transcript.rejected ? ", rejected: " : "", transcript.rejected ? transcript.reject_reason : "");
  base::log(base::LogLevel::kDebug, stream_, line + text);
}

void StreamNarration::commit(const std::vector<TimedWord>& words, nanoseconds now, bool settle) {
  stats_.words += words.size();
  for (sinks::Record& record : transcripts_.take(words, agreement_->tentative(), now, settle)) {
    publish_words(std::move(record));
  }
}

void StreamNarration::enter_epoch(std::uint32_t epoch) {
  if (agreement_) leave_epoch(agreement_->committed_end());
  epoch_ = epoch;
  agreement_.emplace(options_.agreement);
  if (options_.whole_windows) whole_.emplace();
  transcripts_.set_clock(clock_of(epoch));
}

void StreamNarration::leave_epoch(nanoseconds end) {
  if (agreement_) commit(agreement_->settle(end), end, true);
}

base::ClockMap StreamNarration::clock_of(std::uint32_t epoch) const {
  const auto known = clocks_.find(epoch);
  if (known != clocks_.end()) return known->second;
  base::ClockMap clock;  // nobody told: what is newest arrived just now
  clock.epoch = epoch;
  clock.utc_zero = std::chrono::milliseconds(base::utc_now_ms()) - newest_.t;
  clock.error = std::chrono::seconds(1);
  return clock;
}

void StreamNarration::on_clock(const base::ClockMap& clock) {
  if (sight_) sight_->on_clock(clock);
  const std::lock_guard lock(mutex_);
  const bool is_new = clocks_.empty() || clock.epoch > clocks_.rbegin()->first;
  if (is_new) close_conditions();
  clocks_[clock.epoch] = clock;
  while (clocks_.size() > kMostClocks) clocks_.erase(clocks_.begin());
  if (is_new) {
    epoch_start_ms_ =
        std::max(epoch_start_ms_ + 1, clock.utc_ms(nanoseconds{0}));  // a file may be played again
    ids_.enter(stream_, epoch_start_ms_);
    newest_ = {clock.epoch, nanoseconds{0}};
  }
  if (clock.epoch == epoch_) transcripts_.set_clock(clock);
  sinks::StateUpdate update;
  update.stream = stream_;
  update.clock = base::to_string(clock.source);
  update.clock_error_ms = std::chrono::ceil<std::chrono::milliseconds>(clock.error).count();
  publisher_.publish_state(std::move(update));
}

void StreamNarration::publish(sinks::Record record) {
  ++stats_.records;
  if (publisher_.publish(std::move(record)) != sinks::PublishOutcome::kAccepted) ++stats_.dropped;
}

void StreamNarration::publish_words(sinks::Record record) {
  if (record.state != sinks::RecordState::kWithdraw) publisher_.publish_live(stream_, record.text);
  if (record.state == sinks::RecordState::kClose) {
    const std::int64_t zero_ms = clock_of(epoch_).utc_ms(nanoseconds{0});
    Fact fact;
    fact.kind = FactKind::kHeard;
    fact.start = {epoch_, std::chrono::milliseconds(record.t_start_ms - zero_ms)};
    fact.end = std::chrono::milliseconds(record.t_end_ms - zero_ms);
    fact.t_start_ms = record.t_start_ms;
    fact.t_end_ms = record.t_end_ms;
    fact.label = "heard";
    fact.text = record.text;
    fact.record_id = record.id;
    timeline_.add(std::move(fact));
    sinks::StateUpdate update;
    update.stream = stream_;
    update.last_text = record.text;
    update.last_text_ms = record.t_end_ms;
    publisher_.publish_state(std::move(update));
  }
  publish(std::move(record));
}

}  // namespace vedette::daemon::narration
