#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

namespace httplib {
class Server;
}

namespace vedette::daemon::http {

struct ServerLimits {
  std::size_t threads = 24;                  // connections that are served at a time
  std::size_t waiting = 16;                  // accepted ones without a thread
  std::size_t header_bytes = 16384;          // of the request line and all header lines
  std::size_t body_bytes = 16384;            // of a request; a longer one is refused
  std::size_t skipped_bytes = 262'144;       // of a body that is refused, read so that the refusal arrives
  std::chrono::milliseconds request{5'000};  // from a request's first byte to its last
  std::chrono::milliseconds write{10'000};   // for one piece of a response
  std::chrono::milliseconds idle{5'000};     // between two requests of a connection; none while others wait
  std::size_t requests = 1000;               // of one connection
};

// A server of cpp-httplib (0.11) whose connections are bounded in every way: by itself it takes lines without
// end, any number of them, and a byte every few seconds. Requests with a body are the last of their
// connection, so that what a handler left unread is never taken for the next request. Ranges are not served.
std::unique_ptr<httplib::Server> make_bounded_server(const ServerLimits& limits);

}  // namespace vedette::daemon::http
