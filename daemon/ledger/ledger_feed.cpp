#include "daemon/ledger/ledger_feed.h"

#include <utility>

namespace vedette::daemon::ledger {

Coverage coverage_of(const streams::StreamStatus& status, Modality modality) {
  using streams::StreamState;
  switch (status.state) {
    case StreamState::kStarting: return Coverage::kStarting;
    case StreamState::kRunning:
      return status.reason == (modality == Modality::kAudio ? "no_audio" : "no_video") ? Coverage::kNoSignal
                                                                                       : Coverage::kStarting;
    case StreamState::kReconnecting:
      return status.reason == "decode" || status.reason == "unsupported" ? Coverage::kDecodeError
                                                                         : Coverage::kNoSignal;
    case StreamState::kNoSignal: return Coverage::kNoSignal;
    case StreamState::kStalled: return Coverage::kNoSignal;
    case StreamState::kStopped: return Coverage::kDown;
    case StreamState::kRefused: return Coverage::kShed;
  }
  return Coverage::kDown;
}

LedgerFeed::LedgerFeed(std::string stream, Ledger& ledger, std::shared_ptr<streams::Feed> next,
                       std::function<std::uint64_t()> shed)
    : stream_(std::move(stream)), ledger_(ledger), next_(std::move(next)), shed_(std::move(shed)) {}

void LedgerFeed::on_clock(const base::ClockMap& clock) {
  next_->on_clock(clock);
}

void LedgerFeed::on_heard(streams::HeardWindow window) {
  const bool silent = window.features.empty();
  next_->on_heard(std::move(window));
  const std::uint64_t shed = shed_();
  const bool lost = shed > shed_before_;
  shed_before_ = shed;
  ledger_.set(stream_, Modality::kAudio,
              lost     ? Coverage::kShed
              : silent ? Coverage::kGated
                       : Coverage::kAnalysed);
}

void LedgerFeed::on_seen(streams::SeenFrame frame) {
  const Coverage coverage = frame.lost > 0                                 ? Coverage::kShed
                            : frame.tokens.empty() && frame.change <= 0.0F ? Coverage::kGated
                                                                           : Coverage::kAnalysed;
  if (!frame.last) ledger_.set(stream_, Modality::kVideo, coverage);
  next_->on_seen(std::move(frame));
}

void LedgerFeed::on_motion(const signals::MotionEvent& event) {
  next_->on_motion(event);
}

void LedgerFeed::on_health(const signals::HealthEvent& event) {
  if (event.condition == signals::Condition::kSoundAbsent && event.active) {
    ledger_.set(stream_, Modality::kAudio, Coverage::kNoSignal);
  }
  if (event.condition == signals::Condition::kPictureAbsent && event.active) {
    ledger_.set(stream_, Modality::kVideo, Coverage::kNoSignal);
  }
  next_->on_health(event);
}

void LedgerFeed::on_status(const streams::StreamStatus& status) {
  for (const Modality modality : {Modality::kAudio, Modality::kVideo}) {
    ledger_.set(stream_, modality, coverage_of(status, modality));
  }
  next_->on_status(status);
}

base::MediaTime LedgerFeed::committed_until() const {
  return next_->committed_until();
}

bool LedgerFeed::busy() const {
  return next_->busy();
}

}  // namespace vedette::daemon::ledger
