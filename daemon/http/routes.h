#pragma once

#include "daemon/http/http_server.h"
#include "daemon/http/request_guard.h"

namespace httplib {
class Server;
struct Request;
}  // namespace httplib

namespace vedette::daemon::http {

RequestFacts facts_of(const httplib::Request& request);

// Each adds some addresses to a server that has not begun; `pages` and `guard` must outlive it.

// /livez, /readyz, /metrics.
void add_probes(httplib::Server& server, const HttpPages& pages, const RequestGuard& guard);
// /streams/{id}/latest.jpg, /evidence/{id}/{ms}.jpg.
void add_pictures(httplib::Server& server, const HttpPages& pages);
// /, its files, and /api. Needs pages.events and pages.board.
void add_page(httplib::Server& server, const HttpPages& pages, RequestGuard& guard);

}  // namespace vedette::daemon::http
