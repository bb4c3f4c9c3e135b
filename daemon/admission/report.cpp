#include "daemon/admission/report.h"

#include <cstdio>
#include <utility>

namespace vedette::daemon::admission {

std::string told(const Costs& costs) {
  char text[200];
  std::snprintf(
      text, sizeof text,
      "alone on this machine a picture takes %.0f ms, a second of speech %.0f ms, a caption %.0f ms, a "
      "check of a rule %.0f ms",
      costs.picture * 1e3, costs.sound_second * 1e3, costs.caption * 1e3, costs.check * 1e3);
  return text;
}

// "level 2 (every fourth picture), 68 % predicted; no room for c6 c7".
std::string told(const Plan& plan) {
  const std::string& reason = pace_of(plan.level).told;
  char text[200];
  std::snprintf(text, sizeof text, "level %d (%s), %.0f %% of the machine predicted", plan.level,
                reason.empty() ? "everything" : reason.c_str(), plan.load * 100);
  std::string all = text;
  if (!plan.refused.empty()) all += "; no room for";
  for (const std::string& stream : plan.refused) all += " " + stream;
  return all;
}

void write(metrics::Scrape& scrape, const Costs& costs, const Plan& plan, double busy) {
  for (const auto& [work, seconds] :
       {std::pair("picture", costs.picture), std::pair("sound", costs.sound_second),
        std::pair("caption", costs.caption), std::pair("check", costs.check)}) {
    scrape.gauge("vedette_admission_cost_seconds", "What work took here, alone, at the start.", seconds,
                 {{"work", work}});
  }
  scrape.gauge("vedette_admission_level", "How much is left out so that the streams fit: 0 nothing, to 5.",
               plan.level);
  scrape.gauge("vedette_admission_refused_streams", "Streams for which there is no room.",
               static_cast<double>(plan.refused.size()));
  scrape.gauge("vedette_admission_predicted_load_ratio",
               "Share of the machine that the models take for the streams that run, as predicted.",
               plan.load);
  scrape.gauge("vedette_admission_busy_ratio", "The same, as measured over the last seconds.", busy);
}

}  // namespace vedette::daemon::admission
