#include "daemon/http/event_log.h"

#include <algorithm>
#include <charconv>

#include "daemon/http/secrets.h"

namespace vedette::daemon::http {

EventLog::EventLog(EventLimits limits) : limits_(limits), run_(random_word(4)) {}

void EventLog::add(std::string_view kind, std::string_view data) {
  const std::lock_guard lock(mutex_);
  std::string text = "id: " + run_ + "-" + std::to_string(first_ + events_.size()) + "\nevent: ";
  text.append(kind).append("\ndata: ");
  // A line break would end the field, and begin one that the data chose.
  std::ranges::replace_copy_if(
      data, std::back_inserter(text), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  text += "\n\n";
  bytes_ += text.size();
  events_.push_back(std::move(text));
  ++stats_.events;
  while (events_.size() > limits_.events || (bytes_ > limits_.bytes && events_.size() > 1)) {
    bytes_ -= events_.front().size();
    events_.pop_front();
    ++first_;
  }
  changed_.notify_all();
}

void EventLog::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

EventStats EventLog::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

// Number of the event that follows the one with this id, as long as it is there or yet to come.
std::optional<std::uint64_t> EventLog::place_of(std::string_view id) const {
  if (!id.starts_with(run_) || id.size() <= run_.size() + 1 || id[run_.size()] != '-') return std::nullopt;
  id.remove_prefix(run_.size() + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size()) return std::nullopt;
  const std::uint64_t next = first_ + events_.size();
  if (number + 1 < first_ || number >= next) return std::nullopt;
  return number + 1;
}

std::unique_ptr<EventLog::Listener> EventLog::listen(std::string_view last_id, bool& resumed) {
  const std::lock_guard lock(mutex_);
  if (stats_.listeners >= limits_.listeners || closed_) {
    ++stats_.refused;
    return nullptr;
  }
  ++stats_.listeners;
  const auto place = place_of(last_id);
  resumed = place.has_value();
  return std::unique_ptr<Listener>(new Listener(*this, place.value_or(first_ + events_.size())));
}

EventLog::Listener::~Listener() {
  const std::lock_guard lock(log_.mutex_);
  --log_.stats_.listeners;
}

EventLog::Listener::Outcome EventLog::Listener::next(std::chrono::milliseconds most, std::string& text) {
  std::unique_lock lock(log_.mutex_);
  log_.changed_.wait_for(lock, most,
                         [this] { return log_.closed_ || at_ < log_.first_ + log_.events_.size(); });
  if (log_.closed_) return Outcome::kClosed;
  if (at_ < log_.first_) {
    log_.stats_.lost += log_.first_ - at_;
    at_ = log_.first_ + log_.events_.size();
    return Outcome::kLost;
  }
  const std::size_t before = text.size();
  for (; at_ < log_.first_ + log_.events_.size(); ++at_) {
    const std::string& one = log_.events_[static_cast<std::size_t>(at_ - log_.first_)];
    if (text.size() > before && text.size() - before + one.size() > log_.limits_.batch_bytes) break;
    text += one;
  }
  return text.size() > before ? Outcome::kEvents : Outcome::kNothing;
}

}  // namespace vedette::daemon::http
