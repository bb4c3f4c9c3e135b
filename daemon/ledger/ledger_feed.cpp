#include "daemon/ledger/ledger_feed.h"

#include <utility>

namespace vedette::daemon::ledger {

Coverage coverage_of(const streams::StreamStatus& status) {
  using streams::StreamState;
  switch (status.state) {
    case StreamState::kStarting: return Coverage::kStarting;
    case StreamState::kRunning:
      return status.reason == "no_audio" ? Coverage::kNoSignal : Coverage::kStarting;
    case StreamState::kReconnecting:
      return status.reason == "decode" || status.reason == "unsupported" ? Coverage::kDecodeError
                                                                         : Coverage::kNoSignal;
    case StreamState::kNoSignal: return Coverage::kNoSignal;
    case StreamState::kStalled: return Coverage::kNoSignal;
    case StreamState::kStopped: return Coverage::kDown;
  }
  return Coverage::kDown;
}

LedgerFeed::LedgerFeed(std::string stream, Ledger& ledger, std::shared_ptr<streams::Feed> next,
                       std::function<std::uint64_t()> shed)
    : stream_(std::move(stream)), ledger_(ledger), next_(std::move(next)), shed_(std::move(shed)) {
  ledger_.begin(stream_, Modality::kAudio);
}

LedgerFeed::~LedgerFeed() {
  ledger_.end(stream_, Modality::kAudio);
}

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

void LedgerFeed::on_health(const signals::HealthEvent& event) {
  if (event.condition == signals::Condition::kSoundAbsent && event.active) {
    ledger_.set(stream_, Modality::kAudio, Coverage::kNoSignal);
  }
  next_->on_health(event);
}

void LedgerFeed::on_status(const streams::StreamStatus& status) {
  ledger_.set(stream_, Modality::kAudio, coverage_of(status));
  next_->on_status(status);
}

base::MediaTime LedgerFeed::committed_until() const {
  return next_->committed_until();
}

}  // namespace vedette::daemon::ledger
