#include "daemon/ledger/ledger.h"

#include <cstdio>

#include "base/log.h"

namespace vedette::daemon::ledger {

Ledger::Ledger(std::function<Clock::time_point()> now, std::function<Nanoseconds()> utc)
    : now_(std::move(now)), utc_(std::move(utc)), utc_of_zero_(utc_() - now_().time_since_epoch()) {}

Ledger::Nanoseconds Ledger::system_utc() {
  return std::chrono::system_clock::now().time_since_epoch();
}

// Books the time since the last entry on the state that it was in.
void Ledger::settle(Open& open, Clock::time_point now) {
  if (open.account.open) {
    open.account.spent[static_cast<std::size_t>(open.account.state)] += now - open.since;
    open.seconds.add(open.account.state, utc_of_zero_ + open.since.time_since_epoch(),
                     utc_of_zero_ + now.time_since_epoch());
  }
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
  found->second.seconds.finish();
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
    Account account = kept.account;
    if (account.open) account.spent[static_cast<std::size_t>(account.state)] += now - kept.since;
    accounts.push_back(std::move(account));
  }
  return accounts;
}

std::vector<Ledger::History> Ledger::take_history() {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  const Nanoseconds utc_of_zero = utc_() - now.time_since_epoch();
  note_step(utc_of_zero - utc_of_zero_);
  utc_of_zero_ = utc_of_zero;
  std::vector<History> all;
  for (auto& [key, open] : open_) {
    settle(open, now);
    for (Seconds& seconds : open.seconds.take()) all.push_back({key.first, key.second, std::move(seconds)});
  }
  return all;
}

// Clocks are slewed by less, however often they are asked.
void Ledger::note_step(Nanoseconds by) {
  constexpr Nanoseconds kStep = std::chrono::seconds(1);
  if (by < kStep && by > -kStep) return;
  (by > Nanoseconds{0} ? stepped_forward_ : stepped_back_) += std::chrono::abs(by);
  char text[96];
  std::snprintf(text, sizeof text, "the system's clock moved by %+.3f s (it was set, or the machine slept)",
                std::chrono::duration<double>(by).count());
  base::log(base::LogLevel::kWarning, "clock", text);
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
  const std::lock_guard lock(mutex_);
  for (const auto& [direction, seconds] :
       {std::pair("forward", stepped_forward_), std::pair("back", stepped_back_)}) {
    scrape.counter("vedette_clock_stepped_seconds_total",
                   "By how much the system's clock was set, against the time that passed.",
                   std::chrono::duration<double>(seconds).count(), {{"direction", direction}});
  }
}

}  // namespace vedette::daemon::ledger
