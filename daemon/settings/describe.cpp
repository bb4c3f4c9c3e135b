#include <nlohmann/json.hpp>

#include "daemon/settings/settings.h"

namespace vedette::daemon::settings {

namespace {

nlohmann::json describe(const StreamSettings& stream) {
  nlohmann::json shown = {{"id", stream.id}, {"sound", stream.sound}, {"video", stream.video}};
  if (!stream.source.empty()) shown["source"] = base::mask_secrets(stream.source);
  if (!stream.pipeline.empty()) shown["pipeline"] = base::mask_secrets(stream.pipeline);
  if (stream.source.starts_with("rtsp"))
    shown["transport"] = stream.transport == Transport::kTcp   ? "tcp"
                         : stream.transport == Transport::kUdp ? "udp"
                                                               : "auto";
  if (stream.source.starts_with("file")) shown["pace"] = stream.pace == Pace::kLive ? "live" : "fast";
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
  return nlohmann::json{
      {"redis", base::mask_secrets(settings.redis)},
      {"retention_s", std::chrono::duration_cast<std::chrono::seconds>(settings.retention).count()},
      {"http", http},
      {"models", {{"hear", settings.models.hear}, {"think", settings.models.think}}},
      {"streams", std::move(streams)},
      {"warnings", settings.warnings}}
      .dump(2, ' ', false, nlohmann::json::error_handler_t::replace);  // a file may hold any bytes
}

std::vector<std::filesystem::path> model_places(const ModelSettings& models, const Environment& environment) {
  std::vector<std::filesystem::path> places = cache_folders(environment);
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

}  // namespace vedette::daemon::settings
