#include "daemon/settings/http_settings.h"

#include <algorithm>

#include "daemon/http/address.h"
#include "daemon/http/request_guard.h"
#include "daemon/settings/setting_text.h"

namespace vedette::daemon::settings {

namespace {

// Never shows the token.
void read_token(Section& http, Settings& settings, ParseContext& context) {
  http.text("token", settings.http_token);
  std::string key = http.path_of("token");
  if (!http.has("token")) {
    Expansion credential = expand_variables("${credential:http-token}", context.environment);
    if (!credential.problem.empty()) return;
    settings.http_token = std::move(credential.text);
    key = "credential http-token";
  }
  const std::size_t bytes = settings.http_token.size();
  if (bytes < http::kLeastTokenBytes) {
    context.problem(http.mark_of("token"), key,
                    "expected at least " + std::to_string(http::kLeastTokenBytes) + " bytes, received " +
                        std::to_string(bytes) + "; `openssl rand -hex 32` makes a good one");
  } else if (!std::ranges::all_of(settings.http_token, [](char c) { return c > ' ' && c <= '~'; })) {
    context.problem(http.mark_of("token"), key, "expected printable ASCII without spaces");
  }
}

}  // namespace

void read_http(Section& root, Settings& settings, ParseContext& context) {
  std::string address = settings.http_host + ":" + std::to_string(settings.http_port);
  Section http = root.section("http");
  const bool map = root.is_map("http");
  http.text("listen", address, "address");
  read_token(http, settings, context);
  if (map) http.finish();
  if (!map || context.environment("VEDETTE_HTTP")) root.text("http", address, "address");
  const std::string key = map ? "http.listen" : "http";
  const YAML::Mark mark = map ? http.mark_of("listen") : root.mark_of("http");
  if (address == "off") {
    settings.http_host.clear();
    return;
  }
  const std::size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  const bool number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
  if (colon == 0 || !number || std::stoi(port) > 65535) {
    context.problem(mark, key, "expected HOST:PORT or off, received \"" + address.substr(0, 80) + "\"");
    return;
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!http::is_loopback(host) && settings.http_token.empty()) {
    context.problem(mark, key,
                    "expected a loopback address such as 127.0.0.1, or a token as well: http: {listen: \"" +
                        address.substr(0, 80) +
                        "\", token: \"${VEDETTE_TOKEN}\"} or the systemd credential http-token");
  }
  settings.http_host = std::move(host);
  settings.http_port = std::stoi(port);
}

}  // namespace vedette::daemon::settings
