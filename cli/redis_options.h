#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sinks/redis/reader.h"

namespace CLI {
class App;
}

namespace vedette::cli {

// Adds `--redis URL` (environment: VEDETTE_REDIS) to a subcommand.
void add_redis_option(CLI::App& command, std::string& url);

// Throws: CommandError with kUsage when the URL is wrong, with kFailed when Redis is not there.
sinks::redis::Reader open_reader(const std::string& url);

// A point of UTC, milliseconds: "90s", "10m", "2h", "1d" ago; "2026-01-31T12:00:00Z"; or milliseconds since
// 1970. Throws: CommandError with kUsage naming `option`.
std::int64_t parse_time(const std::string& text, const std::string& option, std::int64_t now_ms);

// "12:00:00.0", UTC.
std::string clock_time(std::int64_t ms);

// `text` on one line: without control characters, which a terminal might obey.
std::string printable(std::string_view text);

}  // namespace vedette::cli
