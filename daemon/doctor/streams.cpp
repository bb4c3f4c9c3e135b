#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/doctor/checks.h"
#include "daemon/probe/advice.h"
#include "daemon/probe/describe.h"
#include "daemon/probe/elements.h"
#include "daemon/probe/probe.h"

namespace vedette::daemon::doctor {

namespace {
constexpr std::size_t kAtOnce = 4;
}

Findings judge_stream(const settings::StreamSettings& stream, const probe::ProbeReport& report) {
  const std::string subject = "stream " + stream.id;
  if (!report.works()) {
    return {{Level::kProblem, subject,
             report.source + ": " + report.failure.reason +
                 (report.failure.detail.empty() ? "" : ": " + report.failure.detail),
             probe::remedy(report.failure.reason)}};
  }
  Findings findings{{Level::kOk, subject, report.source + ": " + probe::summary(report), ""}};
  for (const probe::Advice& advice : probe::advise(report, stream))
    findings.push_back({Level::kWarning, subject, advice.text, ""});
  return findings;
}

void check_elements(const settings::Settings& settings, const Tell& tell) {
  std::vector<std::string> sources;
  for (const auto& stream : settings.streams) {
    sources.push_back(stream.source);
    if (!stream.microphone.empty()) sources.push_back(stream.microphone);
  }
  const auto missing = probe::missing_elements(sources);
  for (const probe::MissingElement& one : missing) {
    tell({one.needed ? Level::kProblem : Level::kWarning, "gstreamer", "there is no " + one.what,
          "apt-get install " + one.package});
  }
  if (missing.empty()) tell({Level::kOk, "gstreamer", "all elements are there", ""});
}

// A few at a time, told in the file's order.
void check_streams(const settings::Settings& settings, const DoctorOptions& options, const Tell& tell) {
  const auto& streams = settings.streams;
  probe::ProbeOptions how;
  how.longest = options.look;
  how.least = std::min(how.least, how.longest);
  std::vector<probe::ProbeReport> reports(streams.size());
  std::atomic<std::size_t> next{0};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(kAtOnce, streams.size()); ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < streams.size(); at = next++)
          reports[at] = probe::probe_stream(streams[at], how);
      });
    }
  }
  for (std::size_t at = 0; at < streams.size(); ++at)
    for (const Finding& finding : judge_stream(streams[at], reports[at])) tell(finding);
}

}  // namespace vedette::daemon::doctor
