#include "daemon/settings/settings.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "daemon/settings/http_settings.h"
#include "daemon/settings/section.h"
#include "daemon/settings/setting_text.h"
#include "daemon/settings/sight_settings.h"
#include "daemon/settings/source_settings.h"
#include "sinks/redis/url.h"

namespace vedette::daemon::settings {

namespace {

using namespace std::chrono_literals;

constexpr std::uintmax_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxStreams = 256;
constexpr std::chrono::nanoseconds kDay = 24h;

std::string render(const std::string& file, const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.line > 0
                ? file + ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column)
                : "environment";
    text += ": ";
    if (!problem.key.empty()) text += problem.key + ": ";
    text += problem.message;
  }
  return text;
}

bool is_stream_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == id.npos;
}

void read_sound(Section section, StreamSettings& stream) {
  section.flag("enabled", stream.sound);
  section.duration("hop", stream.windows.hop, 100ms, 10s);
  section.duration("longest", stream.windows.longest, 5s, 30s);
  section.duration("lead_in", stream.windows.lead_in, 0s, 5s);
  section.number("silence_dbfs", stream.windows.silence_dbfs, -120.0, 0.0);
  section.finish();
  stream.windows.keep = std::min(stream.windows.keep, stream.windows.longest / 2);
}

void read_video(Section section, StreamSettings& stream) {
  section.flag("enabled", stream.video);
  section.rate("rate", stream.video_rate_hz, 0.1, 5.0);
  section.flag("motion", stream.video_motion);
  section.flag("key_frames", stream.video_key_frames);
  section.choice<Decoder>("decoder", stream.decoder,
                          {{"auto", Decoder::kAuto}, {"software", Decoder::kSoftware}});
  section.finish();
}

void read_health(Section section, HealthSettings& health) {
  section.number("silent_dbfs", health.sound.silent_dbfs, -120.0, 0.0);
  section.duration("silent_after", health.sound.silent_after, 0s, kDay);
  section.number("clipped_level", health.sound.clipped_level, 0.1, 1.0);
  section.number("clipped_share", health.sound.clipped_share, 0.0, 1.0);
  section.duration("clipped_after", health.sound.clipped_after, 0s, kDay);
  section.duration("sound_absent_after", health.sound.absent_after, 1s, kDay);
  section.number("black_luma", health.picture.black_luma, 0.0, 255.0);
  section.number("black_share", health.picture.black_share, 0.1, 1.0);
  section.duration("black_after", health.picture.black_after, 0s, kDay);
  section.number("frozen_difference", health.picture.frozen_difference, 0.0, 255.0);
  section.duration("frozen_after", health.picture.frozen_after, 1s, kDay);
  section.rate("low_frame_rate", health.picture.low_frame_rate_hz, 0.0, 1000.0);
  section.duration("low_frame_rate_after", health.picture.low_frame_rate_after, 0s, kDay);
  section.number("blurred_share", health.quality.blurred_share, 0.0, 1.0);
  section.number("noisy_deviation", health.quality.noisy_deviation, 0.0, 255.0);
  section.number("blocky_ratio", health.quality.blocky_ratio, 0.0, 1000.0);
  section.number("garbled_rows", health.quality.garbled_rows, 0.0, 1000.0);
  section.duration("faulty_after", health.quality.faulty_after, 0s, kDay);
  section.duration("picture_absent_after", health.picture.absent_after, 1s, kDay);
  section.duration("bitrate_zero_after", health.bitrate.zero_after, 1s, kDay);
  std::chrono::nanoseconds clear_after = health.sound.clear_after;
  section.duration("clear_after", clear_after, 0s, kDay);
  health.sound.clear_after = health.picture.clear_after = health.bitrate.clear_after = clear_after;
  health.quality.clear_after = clear_after;
  section.finish();
}

void read_retry(Section section, StreamSettings& stream, ParseContext& context) {
  section.duration("first", stream.retry_first, 100ms, 1h);
  section.duration("longest", stream.retry_longest, 100ms, kDay);
  section.duration("stalled_after", stream.stalled_after, 1s, kDay);
  section.finish();
  if (stream.retry_longest < stream.retry_first) {
    context.problem(section.mark_of("longest"), section.path_of("longest"), "is shorter than first");
  }
}

// What a stream and `defaults` have in common.
void read_common(Section& section, StreamSettings& stream, ParseContext& context) {
  section.choice<Transport>("transport", stream.transport,
                            {{"tcp", Transport::kTcp}, {"udp", Transport::kUdp}, {"auto", Transport::kAuto}});
  section.choice<Pace>("pace", stream.pace, {{"live", Pace::kLive}, {"fast", Pace::kFast}});
  read_tls(section.section("tls"), stream.tls, context);
  read_sound(section.section("sound"), stream);
  read_video(section.section("video"), stream);
  read_caption(section.section("caption"), stream.caption, context);
  read_alerts(section, stream.alerts, context);
  read_health(section.section("health"), stream.health);
  read_retry(section.section("retry"), stream, context);
}

void read_stream(const std::string& id, Section& section, const StreamSettings& defaults, Settings& settings,
                 ParseContext& context, const YAML::Node& root) {
  StreamSettings stream = defaults;
  stream.id = id;
  if (!is_stream_id(id)) {
    context.problem(section.mark(), "streams." + id, "a stream id is 1 to 64 of a-z, 0-9, _ and -");
  }
  const std::size_t before = context.problems.size();
  section.text("source", stream.source, "url");
  section.text("pipeline", stream.pipeline);
  section.text("microphone", stream.microphone, "url");
  const bool source_is_read = context.problems.size() == before;
  section.utc("start_time", stream.utc_zero);
  read_common(section, stream, context);
  section.finish();
  if (source_is_read) check_source(section, stream, context);
  const YAML::Node streams = root["streams"];
  if (streams.IsMap() && streams[id].IsMap() && has_plain_password(streams[id]["source"])) {
    context.warnings.push_back("streams." + id +
                               ".source holds a password in the clear: use ${VARIABLE} instead");
  }
  settings.streams.push_back(std::move(stream));
}

void read_models(Section section, ModelSettings& models) {
  section.text("hear", models.hear);
  section.text("see", models.see);
  section.text("think", models.think);
  std::vector<std::string> search_path;
  for (const auto& path : models.search_path) search_path.push_back(path.string());
  section.list("search_path", search_path);
  models.search_path.assign(search_path.begin(), search_path.end());
  section.choice<Precision>(
      "precision", models.precision,
      {{"auto", Precision::kAuto}, {"f32", Precision::kF32}, {"bf16", Precision::kBF16}});
  using vedette::models::runtime::DeviceChoice;
  section.choice<DeviceChoice>(
      "device", models.device,
      {{"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}});
  section.integer("threads", models.threads, 0, 1024);
  section.size("kv_memory", models.kv_bytes, 16'000'000, 1ULL << 40);
  section.integer("tiles", models.tiles, 0, 64);
  section.finish();
}

void read_admission(Section section, double& share) {
  section.number("share", share, 0.0, 1.0);
  section.finish();
}

void read_all(const YAML::Node& node, Settings& settings, ParseContext& context) {
  Section root(node, "", "", context);
  root.text("redis", settings.redis, "url");
  try {
    static_cast<void>(sinks::redis::parse_url(settings.redis));
  } catch (const std::invalid_argument& error) {
    context.problem(root.mark_of("redis"), "redis", error.what());
  }
  root.duration("retention", settings.retention, 1min, 3650 * kDay);
  read_http(root, settings, context);
  root.choice<base::LogLevel>("log", settings.log_level,
                              {{"debug", base::LogLevel::kDebug},
                               {"info", base::LogLevel::kInfo},
                               {"warning", base::LogLevel::kWarning},
                               {"error", base::LogLevel::kError}});
  read_models(root.section("models"), settings.models);
  read_evidence(root.section("evidence"), settings.evidence, context);
  read_admission(root.section("admission"), settings.admission_share);
  StreamSettings defaults;
  Section common = root.section("defaults");
  read_common(common, defaults, context);
  common.finish();
  auto streams = root.sections("streams");
  for (auto& [id, section] : streams) {
    if (settings.streams.size() < kMaxStreams) read_stream(id, section, defaults, settings, context, node);
  }
  if (streams.empty() || streams.size() > kMaxStreams) {
    context.problem(root.mark_of("streams"), "streams",
                    "expected 1 to " + std::to_string(kMaxStreams) + " streams, received " +
                        std::to_string(streams.size()));
  }
  if (root.is_map("http") && node["http"]["token"].IsDefined() && node["http"]["token"].IsScalar() &&
      node["http"]["token"].Scalar().find("${") == std::string::npos) {
    context.warnings.emplace_back(
        "http.token stands in the clear: use ${VARIABLE} or the credential http-token");
  }
  if (has_plain_password(node["redis"])) {
    context.warnings.emplace_back("redis holds a password in the clear: use ${VARIABLE} instead");
  }
  root.finish();
}

}  // namespace

SettingsError::SettingsError(const std::string& file, std::vector<Problem> problems)
    : std::runtime_error(render(file, problems)), problems_(std::move(problems)) {}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
}

Settings parse(std::string_view text, const std::string& name, const Environment& environment) {
  ParseContext context{environment, {}, {}, {}};
  Settings settings;
  try {
    const YAML::Node node = YAML::Load(std::string(text));
    if (!node.IsMap()) {
      context.problem(node.Mark(), "", "expected a map of settings, as config/vedette.yaml has it");
    } else {
      read_all(node, settings, context);
    }
  } catch (const YAML::Exception& error) {
    context.problem(error.mark, "", "not YAML: " + error.msg);
  }
  std::ranges::stable_sort(context.problems, {},
                           [](const Problem& one) { return std::pair(one.line, one.column); });
  if (!context.problems.empty()) throw SettingsError(name, std::move(context.problems));
  settings.warnings = std::move(context.warnings);
  return settings;
}

Settings load(const std::filesystem::path& file, const Environment& environment) {
  std::ifstream in(file, std::ios::binary);
  std::error_code error;
  if (!in || !std::filesystem::is_regular_file(file, error)) {
    throw std::runtime_error(file.string() + ": cannot be read");
  }
  const auto bytes = std::filesystem::file_size(file, error);
  if (error || bytes > kMaxFileBytes) {
    throw std::runtime_error(file.string() + ": expected at most " + std::to_string(kMaxFileBytes) +
                             " bytes");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return parse(text.str(), file.string(), environment);
}

std::vector<KnownKey> known_keys() {
  const Environment none = [](const std::string&) { return std::nullopt; };
  ParseContext context{none, {}, {}, {}};
  Settings settings;
  const char* kSample =
      "{defaults: {alerts: [{when: x}]}, streams: {id: {source: 'test://', alerts: [{when: x}]}}}";
  read_all(YAML::Load(kSample), settings, context);
  return std::move(context.known);
}

}  // namespace vedette::daemon::settings
