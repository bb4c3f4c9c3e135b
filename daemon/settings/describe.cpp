#include <nlohmann/json.hpp>

#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

namespace {

nlohmann::json describe(const std::vector<AlertRule>& alerts) {
  nlohmann::json shown = nlohmann::json::array();
  for (const AlertRule& rule : alerts) {
    shown.push_back({{"when", rule.when},
                     {"threshold", static_cast<int>(rule.threshold * 1000.0F + 0.5F) / 1000.0},
                     {"cooldown_s", std::chrono::duration<double>(rule.cooldown).count()}});
  }
  return shown;
}

nlohmann::json describe(const StreamSettings& stream) {
  nlohmann::json shown = {{"id", stream.id}, {"sound", stream.sound}, {"video", stream.video}};
  if (!stream.source.empty()) shown["source"] = base::mask_secrets(stream.source);
  if (!stream.pipeline.empty()) shown["pipeline"] = base::mask_secrets(stream.pipeline);
  if (stream.source.starts_with("rtsp"))
    shown["transport"] = stream.transport == Transport::kTcp   ? "tcp"
                         : stream.transport == Transport::kUdp ? "udp"
                                                               : "auto";
  if (!stream.microphone.empty()) shown["microphone"] = base::mask_secrets(stream.microphone);
  if (stream.source.starts_with("rtsps:") || stream.source.starts_with("rtmps:") ||
      stream.source.starts_with("https:"))
    shown["tls"] = {{"verify", stream.tls.verify}, {"ca", stream.tls.ca}};
  if (stream.decoder == Decoder::kSoftware) shown["decoder"] = "software";
  if (stream.source.starts_with("file")) shown["pace"] = stream.pace == Pace::kLive ? "live" : "fast";
  if (stream.video && stream.caption.enabled) {
    shown["caption"] = {{"every_s", std::chrono::duration<double>(stream.caption.every).count()},
                        {"prompt", stream.caption.prompt}};
  }
  if (!stream.alerts.empty()) shown["alerts"] = describe(stream.alerts);
  return shown;
}

std::vector<std::filesystem::path> cache_folders(const Environment& environment) {
  const auto folder = environment("XDG_CACHE_HOME");
  if (folder && !folder->empty()) return {std::filesystem::path(*folder) / "vedette" / "models"};
  if (const auto home = environment("HOME"))
    return {std::filesystem::path(*home) / ".cache" / "vedette" / "models"};
  return {};
}

}  // namespace

std::string to_json(const Settings& settings) {
  nlohmann::json streams = nlohmann::json::array();
  for (const StreamSettings& stream : settings.streams) streams.push_back(describe(stream));
  const std::string http =
      settings.http_host.empty() ? "off" : settings.http_host + ":" + std::to_string(settings.http_port);
  nlohmann::json shown = {
      {"redis", base::mask_secrets(settings.redis)},
      {"retention_s", std::chrono::duration_cast<std::chrono::seconds>(settings.retention).count()},
      {"http", http},
      {"models",
       {{"hear", settings.models.hear}, {"see", settings.models.see}, {"think", settings.models.think}}},
      {"evidence", {{"path", settings.evidence.path}, {"quota_bytes", settings.evidence.quota_bytes}}},
      {"admission", {{"share", settings.admission_share}}},
      {"streams", std::move(streams)},
      {"warnings", settings.warnings}};
  if (!settings.http_token.empty()) shown["http_token"] = "***";
  return shown.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);  // a file may hold any bytes
}

std::filesystem::path evidence_folder(const EvidenceSettings& evidence, const Environment& environment) {
  if (evidence.path == "none") return {};
  if (evidence.path != "auto") return std::filesystem::absolute(evidence.path);
  const auto of = [&](const char* name) { return environment(name).value_or(""); };
  if (const std::string state = of("STATE_DIRECTORY"); !state.empty())  // systemd.exec(5); may list several
    return std::filesystem::path(state.substr(0, state.find(':'))) / "evidence";
  if (const std::string state = of("XDG_STATE_HOME"); !state.empty())
    return std::filesystem::path(state) / "vedette" / "evidence";
  const std::string home = of("HOME");
  return home.empty() ? std::filesystem::path()
                      : std::filesystem::path(home) / ".local" / "state" / "vedette" / "evidence";
}

std::vector<std::filesystem::path> model_places(const ModelSettings& models, const Environment& environment) {
  std::vector<std::filesystem::path> places = cache_folders(environment);
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) places.push_back(program.parent_path().parent_path() / "share" / "vedette" / "models");
  places.insert(places.end(), models.search_path.begin(), models.search_path.end());
  return places;
}

std::filesystem::path find_model(const std::string& name, const ModelSettings& models,
                                 const Environment& environment) {
  std::error_code error;
  if (name.find('/') != name.npos)
    return std::filesystem::is_directory(name, error) ? std::filesystem::path(name) : std::filesystem::path();
  for (const auto& place : model_places(models, environment)) {
    if (std::filesystem::is_regular_file(place / name / "config.json", error)) return place / name;
  }
  return {};
}

std::string no_model(const std::string& name, const ModelSettings& models, const Environment& environment) {
  std::string text = "there is no model folder " + name;
  if (name.find('/') != name.npos) return text;
  text += "; looked for";
  for (const auto& place : model_places(models, environment)) text += " " + (place / name).string();
  return text;
}

}  // namespace vedette::daemon::settings
