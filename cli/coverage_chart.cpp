#include "cli/coverage_chart.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace vedette::cli {

using daemon::ledger::Coverage;
using daemon::ledger::kCoverageStates;

namespace {

// By Coverage. Told apart without colours too.
struct Look {
  const char* mark;
  const char* colour;  // SGR parameters, ECMA-48
};
constexpr std::array<Look, kCoverageStates> kLooks = {{{"~", "36"},    // starting
                                                       {"█", "32"},    // analysed
                                                       {"▒", "32"},    // gated
                                                       {"x", "33"},    // shed
                                                       {"-", "31"},    // no_signal
                                                       {"!", "35"},    // decode_error
                                                       {"=", "34"},    // paused
                                                       {"_", "90"}}};  // down

bool is_trouble(std::size_t state) {
  return state != static_cast<std::size_t>(Coverage::kAnalysed) &&
         state != static_cast<std::size_t>(Coverage::kGated) &&
         state != static_cast<std::size_t>(Coverage::kStarting);
}

std::string mark(std::size_t state, bool colours) {
  const Look& look = kLooks[state];
  if (!colours) return look.mark;
  return std::string("\x1b[") + look.colour + "m" + look.mark + "\x1b[0m";
}

}  // namespace

StateSeconds count_states(std::string_view letters) {
  StateSeconds seconds{};
  for (const char letter : letters)
    ++seconds[static_cast<std::size_t>(daemon::ledger::coverage_of_letter(letter))];
  return seconds;
}

Coverage column_of(std::string_view letters) {
  const StateSeconds seconds = count_states(letters);
  std::int64_t trouble = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) trouble += is_trouble(i) ? seconds[i] : 0;
  const bool shows_trouble = trouble > 0 && trouble * 10 >= static_cast<std::int64_t>(letters.size());
  std::size_t best = static_cast<std::size_t>(Coverage::kDown);
  std::int64_t most = -1;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if ((shows_trouble && !is_trouble(i)) || seconds[i] <= most) continue;
    best = i;
    most = seconds[i];
  }
  return static_cast<Coverage>(best);
}

std::string bar(std::string_view letters, std::size_t columns, bool colours) {
  columns = std::min(columns, letters.size());
  std::string line;
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t from = letters.size() * i / columns, to = letters.size() * (i + 1) / columns;
    line += mark(static_cast<std::size_t>(column_of(letters.substr(from, to - from))), colours);
  }
  return line;
}

std::string legend(std::string_view letters, bool colours) {
  const StateSeconds seconds = count_states(letters);
  std::array<std::size_t, kCoverageStates> order{};
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return seconds[i]; });
  std::string line;
  for (const std::size_t i : order) {
    if (seconds[i] == 0) continue;
    char share[32];
    std::snprintf(share, sizeof share, " %.1f %%",
                  100.0 * static_cast<double>(seconds[i]) / static_cast<double>(letters.size()));
    line += (line.empty() ? "" : ", ") + mark(i, colours) + " " +
            daemon::ledger::to_string(static_cast<Coverage>(i)) + share;
  }
  return line;
}

}  // namespace vedette::cli
