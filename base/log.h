#pragma once

#include <string>
#include <string_view>

namespace vedette::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Sets the least severe level that is written. Lines go to standard error; under systemd they carry its
// priority prefix.
void set_log_level(LogLevel level);

// One line about `subject` (a stream id, "redis", "models", ...). Thread-safe.
void log(LogLevel level, std::string_view subject, std::string_view message);

// As log, but at most one line per second for the same subject and cause; what was held back is counted in
// the next one.
void log_limited(LogLevel level, std::string_view subject, std::string_view cause, std::string_view message);

// `text` without the password of any URL in it: "rtsp://user:***@host".
std::string mask_secrets(std::string_view text);

}  // namespace vedette::base
