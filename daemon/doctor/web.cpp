#include <httplib.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/doctor/checks.h"

namespace vedette::daemon::doctor {

namespace {

struct AddressFree {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// 0 when the address can be listened on; else errno, or -1 for one that is none.
int try_to_listen(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw) != 0) return -1;
  const std::unique_ptr<addrinfo, AddressFree> list(raw);
  const int made = socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, 0);
  if (made < 0) return errno;
  const int yes = 1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const int error = bind(made, list->ai_addr, list->ai_addrlen) == 0 && listen(made, 1) == 0 ? 0 : errno;
  close(made);
  return error;
}

// What /readyz of a vedetted says there; empty of anybody else.
std::string vedetted_there(const std::string& host, int port) {
  httplib::Client client(host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host, port);
  client.set_connection_timeout(2);
  client.set_read_timeout(3);
  const auto answer = client.Get("/readyz");
  if (!answer) return "";
  const auto told = nlohmann::json::parse(answer->body, nullptr, false);
  if (!told.is_object() || !told.contains("ready") || !told["ready"].is_boolean()) return "";
  std::string text = told["ready"].get<bool>() ? "ready" : "not ready";
  if (told.contains("reasons") && told["reasons"].is_array()) {
    for (const auto& reason : told["reasons"])
      if (reason.is_string()) text += ": " + reason.get<std::string>();
  }
  return text;
}

}  // namespace

bool check_http(const settings::Settings& settings, const Tell& tell) {
  if (settings.http_host.empty()) {
    tell({Level::kOk, "http", "off: no page, no metrics", ""});
    return false;
  }
  const std::string where = settings.http_host + ":" + std::to_string(settings.http_port);
  const int error = try_to_listen(settings.http_host, settings.http_port);
  if (error == 0) {
    tell({Level::kOk, "http", where + " is free", ""});
    return false;
  }
  const std::string running =
      error == EADDRINUSE ? vedetted_there(settings.http_host, settings.http_port) : "";
  if (!running.empty()) {
    const bool ready = running == "ready";
    tell({ready ? Level::kOk : Level::kWarning, "http", where + " is held by a vedetted, which is " + running,
          ready ? "" : "journalctl -u vedetted; it may be starting"});
    return true;
  }
  tell({Level::kProblem, "http",
        where + (error == -1 ? " is no address of this machine" : std::string(": ") + std::strerror(error)),
        error == EADDRINUSE ? "another program listens there (ss -ltnp): choose another port"
                            : "see http in the configuration"});
  return false;
}

}  // namespace vedette::daemon::doctor
