#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vedette::daemon::settings {

// Each is empty when the text is not of its form; then the expected form is what the constant says.

// "200ms", "5 s", "1.5 min", "2h", "7d". A unit is required, but for 0.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
inline constexpr const char* kDurationForm = "a duration such as 200ms, 5s, 10min, 2h or 7d";

// "200 MB", "64 KiB", "1GB", "100 B": decimal and binary units.
std::optional<std::uint64_t> parse_size(std::string_view text);
inline constexpr const char* kSizeForm = "a size such as 200 MB or 64 KiB";

// "1 fps", "0.5fps".
std::optional<double> parse_rate(std::string_view text);
inline constexpr const char* kRateForm = "a rate such as 1 fps or 0.5 fps";

// "2026-03-01T12:00:00Z", with fractions of a second if given; always UTC, since 1970.
std::optional<std::chrono::nanoseconds> parse_utc(std::string_view text);
inline constexpr const char* kUtcForm = "a UTC time such as 2026-03-01T12:00:00Z";

// A finite decimal number and nothing else.
std::optional<double> parse_number(std::string_view text);

}  // namespace vedette::daemon::settings
