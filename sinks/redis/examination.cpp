#include "sinks/redis/examination.h"

#include <charconv>
#include <string_view>

#include "sinks/redis/connection.h"

namespace vedette::sinks::redis {

namespace {

constexpr std::string_view kKey = "vedette:doctor";

// "maxmemory" of "...\r\nmaxmemory:0\r\n..."; "" for none.
std::string field(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find('\n', at), info.size());
    std::string_view line = info.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return std::string(line.substr(name.size() + 1));
    at = end + 1;
  }
  return "";
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<Error> error_of(const Connection& connection, const redisReply* reply) {
  if (reply == nullptr) return connection.error();
  if (reply->type != REDIS_REPLY_ERROR) return std::nullopt;
  return Error{classify(text_of(reply)), std::string(text_of(reply))};
}

}  // namespace

Examination examine(const Url& url) {
  Examination found;
  Connection connection;
  found.unreachable = connection.open(url);
  if (found.unreachable) return found;
  const Reply info = connection.command({"INFO"});
  if (const auto error = error_of(connection, info.get()); !error) {
    const std::string_view text = text_of(info.get());
    found.version = field(text, "redis_version");
    found.used_bytes = number(field(text, "used_memory"));
    found.most_bytes = number(field(text, "maxmemory"));
    found.policy = field(text, "maxmemory_policy");
    found.append_only = field(text, "aof_enabled") == "1";
    found.last_save_failed = field(text, "rdb_last_bgsave_status") == "err";
  } else if (info == nullptr) {
    found.unreachable = error;
    return found;
  }
  const Reply save = connection.command({"CONFIG", "GET", "save"});
  if (save && save->type == REDIS_REPLY_ARRAY && save->elements == 2)
    found.saves = !text_of(save->element[1]).empty();
  const Reply written = connection.command({"SET", kKey, "1", "EX", "10"});
  found.write_refused = error_of(connection, written.get());
  if (!found.write_refused) connection.command({"DEL", kKey});
  return found;
}

}  // namespace vedette::sinks::redis
