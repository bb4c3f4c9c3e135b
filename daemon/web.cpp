#include "daemon/web.h"

#include "base/log.h"
#include "daemon/evidence/picture_file.h"

namespace vedette::daemon {

namespace {

http::HttpPages pages_of(const settings::Settings& settings, const WebParts& parts,
                         http::QuestionDesk& desk) {
  http::HttpPages pages;
  pages.metrics = [&metrics = parts.metrics] { return metrics.text(); };
  pages.not_ready = parts.not_ready;
  pages.picture = [find = parts.find](const std::string& stream) -> http::LatestPicture {
    const auto narration = find(stream);
    if (narration == nullptr) return {};
    return {true, narration->sight()->latest_jpeg()};
  };
  pages.has_picture = [find = parts.find](const std::string& stream) {
    const auto narration = find(stream);
    return narration != nullptr && narration->sight()->has_latest();
  };
  pages.streams = parts.streams;
  pages.coverage = [&ledger = parts.ledger] { return ledger.accounts(); };
  pages.evidence = [folder = settings::evidence_folder(settings.evidence, settings::process_environment())](
                       const std::string& stream, std::int64_t written_ms) {
    return evidence::read_picture(folder, stream, written_ms);
  };
  pages.events = &parts.events;
  pages.board = &parts.board;
  pages.questions = &desk;
  return pages;
}

}  // namespace

Web::Web(const settings::Settings& settings, const WebParts& parts)
    : desk_(parts.events, parts.ask),
      server_({settings.http_host, settings.http_port, settings.http_token},
              pages_of(settings, parts, desk_)) {
  parts.metrics.add_source([this](metrics::Scrape& scrape) { http::write(scrape, server_.stats()); });
  base::log(base::LogLevel::kInfo, "http",
            "listening on " + settings.http_host + ":" + std::to_string(server_.port()) +
                ", the page is at /" + (settings.http_token.empty() ? "" : " and wants the token"));
}

}  // namespace vedette::daemon
