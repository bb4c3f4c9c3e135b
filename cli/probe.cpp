// vedette probe: what a source gives, or why it gives nothing.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "daemon/probe/advice.h"
#include "daemon/probe/describe.h"
#include "daemon/probe/probe.h"
#include "daemon/settings/settings.h"
#include "daemon/streams/pipeline.h"

namespace vedette::cli {

namespace {

namespace settings = daemon::settings;
namespace probe = daemon::probe;

struct ProbeCommand {
  std::string source, config, transport;
  bool pipeline = false, json = false;
  double seconds = 10;
};

// As the daemon reads a stream that says nothing else. Throws: CommandError with what is wrong, without
// passwords.
settings::StreamSettings stream_of_source(const ProbeCommand& options) {
  nlohmann::json stream = {{options.pipeline ? "pipeline" : "source", options.source}};
  if (!options.transport.empty()) stream["transport"] = options.transport;
  // JSON is YAML.
  const std::string text = nlohmann::json{{"streams", {{"probe", stream}}}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto process = settings::process_environment();
  const settings::Environment environment = [&process](const std::string& name) {
    return name.starts_with("VEDETTE_") ? std::nullopt : process(name);
  };
  try {
    return settings::parse(text, "SOURCE", environment).streams.front();
  } catch (const settings::SettingsError& error) {
    throw CommandError(ExitCode::kUsage, "SOURCE: " + error.problems().front().message);
  }
}

// Throws: CommandError when the file is wrong or has no such stream.
settings::StreamSettings stream_of_config(const ProbeCommand& options) {
  settings::Settings read;
  try {
    read = settings::load(options.config, settings::process_environment());
  } catch (const std::exception& error) {
    throw CommandError(ExitCode::kUsage, error.what());
  }
  std::string ids;
  for (settings::StreamSettings& stream : read.streams) {
    if (stream.id == options.source) return std::move(stream);
    ids += (ids.empty() ? "" : ", ") + stream.id;
  }
  throw CommandError(ExitCode::kUsage,
                     options.config + ": there is no stream \"" + options.source + "\"; there are " + ids);
}

ExitCode run_probe(const ProbeCommand& options) {
  settings::StreamSettings stream =
      options.config.empty() ? stream_of_source(options) : stream_of_config(options);
  if (!options.config.empty() && !options.transport.empty())
    throw CommandError(ExitCode::kUsage, "--transport does not go with --config: the file says it");
  daemon::streams::start_gstreamer();
  probe::ProbeOptions how;
  how.longest = std::chrono::milliseconds(static_cast<std::int64_t>(options.seconds * 1000));
  how.least = std::min(how.least, how.longest);
  const probe::ProbeReport report = probe::probe_stream(stream, how);
  const auto advice = probe::advise(report, stream);
  if (options.json) {
    std::printf("%s\n", probe::to_json(report, advice).c_str());
  } else {
    std::printf("%s", probe::to_text(report, advice).c_str());
  }
  if (report.works()) return ExitCode::kDone;
  return report.failure.reason == "unsupported" ? ExitCode::kMissing : ExitCode::kFailed;
}

}  // namespace

void add_probe(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("probe", "Look at a source once: what it gives, or why it gives nothing");
  auto options = std::make_shared<ProbeCommand>();
  command
      ->add_option("SOURCE", options->source,
                   "URL as in the configuration; with --config the id of a stream, with --pipeline a "
                   "gst-launch-1.0 description. ${NAME} takes an environment variable")
      ->required();
  command->add_option("--config", options->config, "Configuration that has the stream");
  command->add_flag("--pipeline", options->pipeline, "SOURCE is a gst-launch-1.0 description")
      ->excludes("--config");
  command->add_option("--transport", options->transport, "How RTSP media travels")
      ->check(CLI::IsMember({"tcp", "udp", "auto"}));
  command
      ->add_option("--seconds", options->seconds,
                   "Longest look at media, where key frames or clock are awaited")
      ->check(CLI::Range(1.0, 300.0))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer(
      "Exit code: 0 it works; 1 it does not, with the reason that the stream's state would have; 2 the "
      "command line or "
      "the configuration is wrong; 3 GStreamer here has no element for it.");
  command->callback([options, &action] { action = [options] { return run_probe(*options); }; });
}

}  // namespace vedette::cli
