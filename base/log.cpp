#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>

namespace vedette::base {

namespace {

// journald reads "<N>" at the start of a line as its priority (sd-daemon(3)).
std::shared_ptr<spdlog::logger> make_logger() {
  auto logger =
      std::make_shared<spdlog::logger>("vedette", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(spdlog::level::info);
  return logger;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

struct Held {
  std::chrono::steady_clock::time_point last{};
  unsigned count = 0;
};

constexpr std::size_t kMaxCauses = 1024;  // bounds the table; past it, the limit starts anew

}  // namespace

void set_log_level(LogLevel level) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  logger().set_level(kLevels[static_cast<int>(level)]);
}

void log(LogLevel level, std::string_view subject, std::string_view message) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  constexpr const char* kPriorities[] = {"<7>", "<6>", "<4>", "<3>"};
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const auto index = static_cast<int>(level);
  logger().log(kLevels[index], "{}{}: {}", journal ? kPriorities[index] : "", subject, mask_secrets(message));
}

void log_limited(LogLevel level, std::string_view subject, std::string_view cause, std::string_view message) {
  static std::mutex mutex;
  static std::map<std::string, Held> held;
  const auto now = std::chrono::steady_clock::now();
  unsigned before = 0;
  {
    const std::lock_guard lock(mutex);
    if (held.size() >= kMaxCauses) held.clear();
    Held& entry = held[std::string(subject) + '\0' + std::string(cause)];
    if (entry.last.time_since_epoch().count() != 0 && now - entry.last < std::chrono::seconds(1)) {
      ++entry.count;
      return;
    }
    before = entry.count;
    entry = {now, 0};
  }
  if (before == 0) return log(level, subject, message);
  log(level, subject, std::string(message) + " (and " + std::to_string(before) + " more like it)");
}

namespace {

// Values of a URL's query that are secrets by their names, as SRT, cameras and signed playlists have them.
void mask_query(std::string& text) {
  static constexpr std::array<std::string_view, 9> kSecret{
      "passphrase", "password", "passwd", "pass", "pwd", "token", "secret", "key", "signature"};
  for (std::size_t sign = text.find('='); sign != std::string::npos; sign = text.find('=', sign + 1)) {
    const std::size_t before = text.find_last_of("?&", sign);
    if (before == std::string::npos) continue;
    const std::string_view name(text.data() + before + 1, sign - before - 1);
    const auto is_name = [&](std::string_view one) {
      return std::ranges::equal(name, one, [](unsigned char a, char b) { return std::tolower(a) == b; });
    };
    if (std::ranges::none_of(kSecret, is_name)) continue;
    const std::size_t end = std::min(text.find_first_of("& \t\n\"'#", sign), text.size());
    text.replace(sign + 1, end - sign - 1, "***");
  }
}

}  // namespace

std::string mask_secrets(std::string_view text) {
  std::string masked(text);
  for (std::size_t at = masked.find("://"); at != std::string::npos; at = masked.find("://", at + 3)) {
    const std::size_t begin = at + 3;
    const std::size_t end = masked.find_first_of("/ \t\n\"'?#", begin);
    const std::size_t sign = masked.rfind('@', end == std::string::npos ? std::string::npos : end - 1);
    if (sign == std::string::npos || sign < begin) continue;
    const std::size_t colon = masked.find(':', begin);
    if (colon == std::string::npos || colon > sign) continue;
    masked.replace(colon + 1, sign - colon - 1, "***");
  }
  mask_query(masked);
  return masked;
}

}  // namespace vedette::base
