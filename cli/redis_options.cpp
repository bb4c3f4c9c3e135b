#include "cli/redis_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "cli/command.h"

namespace vedette::cli {

void add_redis_option(CLI::App& command, std::string& url) {
  command.add_option("--redis", url, "URL of Redis")
      ->envname("VEDETTE_REDIS")
      ->default_val("redis://127.0.0.1:6379/0");
}

sinks::redis::Reader open_reader(const std::string& url) {
  try {
    return sinks::redis::Reader(sinks::redis::parse_url(url));
  } catch (const std::invalid_argument& error) {
    throw CommandError(ExitCode::kUsage, error.what());
  }
}

std::int64_t parse_time(const std::string& text, const std::string& option, std::int64_t now_ms) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && number >= 0) {
    if (stop == end) return number;
    const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
    const std::int64_t scale = unit == "ms"  ? 1
                               : unit == "s" ? 1000
                               : unit == "m" ? 60'000
                               : unit == "h" ? 3'600'000
                               : unit == "d" ? 86'400'000
                                             : 0;
    if (scale != 0 && number < 1'000'000'000) return now_ms > number * scale ? now_ms - number * scale : 0;
  }
  std::tm time{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
  if (rest != nullptr && *rest == '\0') return static_cast<std::int64_t>(timegm(&time)) * 1000;
  throw CommandError(ExitCode::kUsage,
                     option +
                         " must be a time like 10m (ago), 2026-01-31T12:00:00Z or milliseconds "
                         "since 1970, not \"" +
                         text + "\"");
}

std::string clock_time(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm time{};
  gmtime_r(&seconds, &time);
  char text[48];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%d", time.tm_hour, time.tm_min, time.tm_sec,
                static_cast<int>(ms % 1000 / 100));
  return text;
}

std::string printable(std::string_view text) {
  std::string line(text);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if (byte < 0x20 || byte == 0x7f) line[i] = ' ';
    // U+0080 to U+009F, the C1 controls
    if (byte == 0xc2 && i + 1 < line.size() && static_cast<unsigned char>(line[i + 1]) < 0xa0) {
      line[i] = line[i + 1] = ' ';
    }
  }
  return line;
}

}  // namespace vedette::cli
