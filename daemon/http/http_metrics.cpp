#include "daemon/http/http_server.h"
#include "daemon/metrics/metrics.h"

namespace vedette::daemon::http {

void write(metrics::Scrape& scrape, const HttpStats& stats) {
  for (const auto& [state, requests] : stats.requests) {
    scrape.counter("vedette_http_requests_total", "HTTP requests by what became of them.",
                   static_cast<double>(requests), {{"state", state}});
  }
  for (const auto& [reason, refused] : stats.refused) {
    scrape.counter("vedette_http_refused_total", "HTTP requests that were refused, by why.",
                   static_cast<double>(refused), {{"reason", reason}});
  }
  scrape.gauge("vedette_http_listeners", "Who listens to events now.",
               static_cast<double>(stats.events.listeners));
  scrape.counter("vedette_http_events_total", "Events for those who listen.",
                 static_cast<double>(stats.events.events));
  scrape.counter("vedette_http_events_lost_total",
                 "Events that a listener was too slow for; it was told all anew.",
                 static_cast<double>(stats.events.lost));
}

}  // namespace vedette::daemon::http
