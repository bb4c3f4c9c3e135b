#include "daemon/ledger/ledger.h"

namespace vedette::daemon::ledger {

const char* to_string(Coverage state) {
  switch (state) {
    case Coverage::kStarting: return "starting";
    case Coverage::kAnalysed: return "analysed";
    case Coverage::kGated: return "gated";
    case Coverage::kShed: return "shed";
    case Coverage::kNoSignal: return "no_signal";
    case Coverage::kDecodeError: return "decode_error";
    case Coverage::kPaused: return "paused";
    case Coverage::kDown: return "down";
  }
  return "down";
}

const char* to_string(Modality modality) {
  return modality == Modality::kAudio ? "audio" : "video";
}

// Books the time since the last entry on the state that it was in.
void Ledger::settle(Open& open, Clock::time_point now) {
  if (open.account.open) open.account.spent[static_cast<std::size_t>(open.account.state)] += now - open.since;
  open.since = now;
}

void Ledger::book(const std::string& stream, Booked booked) {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  for (const auto& [modality, wanted] :
       {std::pair(Modality::kAudio, booked.sound), std::pair(Modality::kVideo, booked.picture)}) {
    wanted ? begin(stream, modality, now) : end(stream, modality, now);
  }
}

void Ledger::begin(const std::string& stream, Modality modality, Clock::time_point now) {
  const auto [it, fresh] = open_.try_emplace({stream, modality});
  Open& open = it->second;
  if (!fresh && open.account.open) return;
  open.since = now;
  open.account.stream = stream;
  open.account.modality = modality;
  open.account.state = Coverage::kStarting;
  open.account.open = true;
}

void Ledger::set(const std::string& stream, Modality modality, Coverage state) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find({stream, modality});
  if (found == open_.end() || !found->second.account.open) return;
  settle(found->second, now_());
  found->second.account.state = state;
}

void Ledger::end(const std::string& stream, Modality modality, Clock::time_point now) {
  const auto found = open_.find({stream, modality});
  if (found == open_.end()) return;
  settle(found->second, now);
  found->second.account.open = false;
}

void Ledger::forget(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  open_.erase({stream, Modality::kAudio});
  open_.erase({stream, Modality::kVideo});
}

std::vector<Ledger::Account> Ledger::accounts() const {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  std::vector<Account> accounts;
  for (const auto& [key, kept] : open_) {
    Open open = kept;
    settle(open, now);
    accounts.push_back(std::move(open.account));
  }
  return accounts;
}

void Ledger::write(metrics::Scrape& scrape) const {
  for (const Account& account : accounts()) {
    for (std::size_t i = 0; i < kCoverageStates; ++i) {
      scrape.counter("vedette_coverage_seconds_total",
                     "Seconds of each stream by what is known about them; they add up to wall time.",
                     std::chrono::duration<double>(account.spent[i]).count(),
                     {{"stream", account.stream},
                      {"modality", to_string(account.modality)},
                      {"state", to_string(static_cast<Coverage>(i))}});
    }
  }
}

}  // namespace vedette::daemon::ledger
