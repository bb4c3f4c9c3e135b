#include "daemon/settings/sight_settings.h"

#include <utility>

namespace vedette::daemon::settings {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxAlerts = 16;  // rules of one stream: each is a question to the language model
constexpr std::size_t kMaxPromptBytes = 1000, kMaxWhenBytes = 300, kMaxPathBytes = 1000;

void check_text(const Section& section, const std::string& key, const std::string& text, std::size_t most,
                ParseContext& context) {
  if (!text.empty() && text.size() <= most) return;
  context.problem(
      section.mark_of(key), section.path_of(key),
      "expected 1 to " + std::to_string(most) + " bytes of text, received " + std::to_string(text.size()));
}

}  // namespace

void read_caption(Section section, CaptionSettings& caption, ParseContext& context) {
  section.flag("enabled", caption.enabled);
  section.duration("every", caption.every, 1s, 1h);
  section.text("prompt", caption.prompt);
  section.finish();
  check_text(section, "prompt", caption.prompt, kMaxPromptBytes, context);
}

void read_alerts(Section& section, std::vector<AlertRule>& alerts, ParseContext& context) {
  std::vector<Section> items = section.items("alerts", "rules");
  if (!section.has("alerts")) return;
  alerts.clear();
  if (items.size() > kMaxAlerts) {
    context.problem(section.mark_of("alerts"), section.path_of("alerts"),
                    "expected at most " + std::to_string(kMaxAlerts) + " rules, received " +
                        std::to_string(items.size()));
    return;
  }
  for (Section& item : items) {
    AlertRule rule;
    item.text("when", rule.when);
    item.number("threshold", rule.threshold, 0.0, 1.0);
    item.duration("cooldown", rule.cooldown, 0s, 24h);
    item.finish();
    check_text(item, "when", rule.when, kMaxWhenBytes, context);
    alerts.push_back(std::move(rule));
  }
}

void read_evidence(Section section, EvidenceSettings& evidence, ParseContext& context) {
  section.text("path", evidence.path);
  section.size("quota", evidence.quota_bytes, 1'000'000, 1ULL << 44);
  section.finish();
  check_text(section, "path", evidence.path, kMaxPathBytes, context);
}

}  // namespace vedette::daemon::settings
