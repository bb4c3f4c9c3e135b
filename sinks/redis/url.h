#pragma once

#include <string>
#include <string_view>

namespace vedette::sinks::redis {

// Where a Redis is, and how to enter. A value; `password` is never logged.
struct Url {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string unix_path;  // when not empty: this socket instead of host and port
  std::string user, password;
  int database = 0;

  // "127.0.0.1:6379/0" or "/run/redis.sock/0": what may be shown.
  std::string shown() const;
};

// Reads `redis://[[user]:password@]host[:port][/db]` and `unix://[[user]:password@]/path[?db=N]`; user and
// password may be percent-encoded. Throws: std::invalid_argument saying what is wrong, without the password.
Url parse_url(std::string_view text);

}  // namespace vedette::sinks::redis
