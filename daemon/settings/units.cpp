#include "daemon/settings/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

namespace vedette::daemon::settings {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 5> kDurations{
    {{"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
constexpr std::array<Unit, 7> kSizes{{{"B", 1},
                                      {"kB", 1e3},
                                      {"MB", 1e6},
                                      {"GB", 1e9},
                                      {"KiB", 1024},
                                      {"MiB", 1024.0 * 1024},
                                      {"GiB", 1024.0 * 1024 * 1024}}};

// The number at the start of `text` and what follows it, without spaces between and at the end.
std::optional<std::pair<double, std::string_view>> split(std::string_view text) {
  double number = 0.0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  while (rest.ends_with(' ')) rest.remove_suffix(1);
  return std::pair(number, rest);
}

template <std::size_t kCount>
std::optional<double> with_unit(std::string_view text, const std::array<Unit, kCount>& units) {
  const auto parts = split(text);
  if (!parts || parts->first < 0.0) return std::nullopt;
  if (parts->first == 0.0 && parts->second.empty()) return 0.0;
  for (const Unit& unit : units) {
    if (unit.name != parts->second) continue;
    const double value = parts->first * unit.factor;
    return value < 9e18 ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

bool digits(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() &&
         text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto value = with_unit(text, kDurations);
  if (!value) return std::nullopt;
  return std::chrono::nanoseconds(std::llround(*value));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto value = with_unit(text, kSizes);
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*value));
}

std::optional<double> parse_rate(std::string_view text) {
  const auto parts = split(text);
  if (!parts || parts->first < 0.0 || parts->second != "fps") return std::nullopt;
  return parts->first;
}

std::optional<std::chrono::nanoseconds> parse_utc(std::string_view text) {
  if (text.size() < 20 || text.size() > 30 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!digits(text.substr(0, 4), year) || !digits(text.substr(5, 2), month) ||
      !digits(text.substr(8, 2), day) || !digits(text.substr(11, 2), hour) ||
      !digits(text.substr(14, 2), minute) || !digits(text.substr(17, 2), second)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 2200 || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  std::chrono::nanoseconds time = std::chrono::sys_days(date).time_since_epoch();
  time += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  const std::string_view fraction = text.substr(19, text.size() - 20);
  if (fraction.empty()) return time;
  int value = 0;
  if (fraction.front() != '.' || fraction.size() < 2 || !digits(fraction.substr(1), value))
    return std::nullopt;
  const double scale = std::pow(10.0, 9 - static_cast<int>(fraction.size() - 1));
  return time + std::chrono::nanoseconds(std::llround(value * scale));
}

std::optional<double> parse_number(std::string_view text) {
  const auto parts = split(text);
  if (!parts || !parts->second.empty()) return std::nullopt;
  return parts->first;
}

}  // namespace vedette::daemon::settings
