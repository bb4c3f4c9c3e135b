#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vedette::sinks::redis {

// The id of a stream entry, "<ms>-<seq>".
struct EntryId {
  std::uint64_t ms = 0, seq = 0;

  friend auto operator<=>(const EntryId&, const EntryId&) = default;
  std::string text() const;
};

// Empty when `text` is no whole entry id.
std::optional<EntryId> parse_entry_id(std::string_view text);

// Makes the entry ids of one Redis stream: `(max(now, last), seq)`, each greater than the one before,
// whatever the system clock does. Not thread-safe.
class EntryIdClock {
 public:
  EntryId next(std::int64_t now_ms);
  // Ids after this are greater than `last`, too.
  void observe(EntryId last);
  EntryId last() const { return last_; }

 private:
  EntryId last_;
};

}  // namespace vedette::sinks::redis
