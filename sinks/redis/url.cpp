#include "sinks/redis/url.h"

#include <charconv>
#include <stdexcept>

namespace vedette::sinks::redis {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::invalid_argument("redis URL: " + what +
                              " (expected redis://[user:password@]host[:port][/db] or unix:///path[?db=N])");
}

int number(std::string_view text, int least, int most, const char* what) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    fail(std::string(what) + " must be a number from " + std::to_string(least) + " to " +
         std::to_string(most) + ", not \"" + std::string(text) + "\"");
  }
  return value;
}

std::string percent_decoded(std::string_view text, const char* what) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size() ||
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr != text.data() + i + 3) {
      fail(std::string(what) + " holds a % without two hexadecimal digits");
    }
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

// Takes "[user]:password@" or "user@" off the front of `rest`.
void take_credentials(std::string_view& rest, std::size_t end, Url& url) {
  const std::size_t sign = rest.substr(0, end).rfind('@');
  if (sign == std::string_view::npos) return;
  const std::string_view credentials = rest.substr(0, sign);
  const std::size_t colon = credentials.find(':');
  if (colon == std::string_view::npos) fail("a user without a password");
  url.user = percent_decoded(credentials.substr(0, colon), "the user");
  url.password = percent_decoded(credentials.substr(colon + 1), "the password");
  if (url.password.empty() && !url.user.empty()) fail("a user without a password");
  rest.remove_prefix(sign + 1);
}

Url parse_unix(std::string_view rest) {
  Url url;
  const std::size_t question = rest.rfind("?db=");
  if (question != std::string_view::npos) {
    url.database = number(rest.substr(question + 4), 0, 9999, "db");
    rest = rest.substr(0, question);
  }
  take_credentials(rest, rest.size(), url);
  if (rest.empty() || rest.front() != '/') fail("the socket's path must begin with /");
  if (rest.size() > 107)
    fail("the socket's path is longer than 107 bytes");  // sockaddr_un::sun_path, unix(7)
  url.unix_path = rest;
  return url;
}

}  // namespace

Url parse_url(std::string_view text) {
  constexpr std::string_view kTcp = "redis://";
  constexpr std::string_view kUnix = "unix://";
  if (text.find('\0') != std::string_view::npos) fail("it holds a NUL");
  if (text.substr(0, kUnix.size()) == kUnix) return parse_unix(text.substr(kUnix.size()));
  if (text.substr(0, 9) == "rediss://") fail("TLS (rediss://) is not supported");
  if (text.substr(0, kTcp.size()) != kTcp) fail("it begins neither with redis:// nor with unix://");
  std::string_view rest = text.substr(kTcp.size());
  Url url;
  take_credentials(rest, rest.size(), url);
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 < rest.size()) url.database = number(rest.substr(slash + 1), 0, 9999, "db");
    rest = rest.substr(0, slash);
  }
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {  // an IPv6 address
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) fail("[ without ]");
    url.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') fail("only a port may follow ]");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    url.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  if (url.host.empty()) fail("no host");
  if (!port.empty()) url.port = number(port, 1, 65535, "the port");
  return url;
}

std::string Url::shown() const {
  if (!unix_path.empty()) return unix_path + " db " + std::to_string(database);
  return host + ":" + std::to_string(port) + "/" + std::to_string(database);
}

}  // namespace vedette::sinks::redis
