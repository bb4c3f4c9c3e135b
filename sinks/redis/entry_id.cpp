#include "sinks/redis/entry_id.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace vedette::sinks::redis {

std::string EntryId::text() const {
  return std::to_string(ms) + "-" + std::to_string(seq);
}

std::optional<EntryId> parse_entry_id(std::string_view text) {
  EntryId id;
  const char* end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, id.ms);
  if (error != std::errc{} || dash == end || *dash != '-') return std::nullopt;
  const auto [stop, seq_error] = std::from_chars(dash + 1, end, id.seq);
  if (seq_error != std::errc{} || stop != end) return std::nullopt;
  return id;
}

EntryId EntryIdClock::next(std::int64_t now_ms) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(now_ms, 0));
  if (now > last_.ms) {
    last_ = {now, 0};
  } else if (last_.seq < kMost) {
    ++last_.seq;
  } else if (last_.ms < kMost) {
    last_ = {last_.ms + 1, 0};
  }  // else nothing is greater: Redis refuses it, and the writer says so
  return last_;
}

void EntryIdClock::observe(EntryId last) {
  last_ = std::max(last_, last);
}

}  // namespace vedette::sinks::redis
