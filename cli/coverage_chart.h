#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/ledger/coverage.h"

namespace vedette::cli {

// Seconds by state.
using StateSeconds = std::array<std::int64_t, daemon::ledger::kCoverageStates>;

// How many seconds of `letters` (docs/redis.md) are in which state; they add up to its length.
StateSeconds count_states(std::string_view letters);

// What one column of a bar shows: trouble that takes a tenth of it, else what most of it was.
daemon::ledger::Coverage column_of(std::string_view letters);

// One line: the letters as `columns` columns of equal length, or one per letter when there are fewer.
// `colours`: with the escape sequences of a terminal.
std::string bar(std::string_view letters, std::size_t columns, bool colours);

// "█ analysed 61.3 %, ▒ gated 38.7 %": the states that occur, the longest first.
std::string legend(std::string_view letters, bool colours);

}  // namespace vedette::cli
