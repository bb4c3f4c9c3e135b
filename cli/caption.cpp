// vedette caption: the words of a media file, faster than real time.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "daemon/files/caption_writer.h"
#include "daemon/files/captioner.h"
#include "daemon/settings/settings.h"
#include "daemon/settings/units.h"

namespace vedette::cli {

namespace {

namespace files = daemon::files;
using std::chrono::nanoseconds;

struct CaptionOptions {
  std::string file;
  std::string format = "text";
  std::string output;
  std::string model = daemon::settings::ModelSettings{}.hear;
  std::string start_time;  // "": as the container says
  std::string device = "auto";
  int beams = 1;
  int threads = 0;
};

// A bar on standard error, where that is a terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::optional<nanoseconds> whole)
      : whole_(whole), shown_(isatty(STDERR_FILENO) == 1) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(nanoseconds done) {
    if (!shown_) return;
    const auto seconds = std::chrono::duration<double>(done).count();
    if (!whole_ || whole_->count() <= 0) {
      std::fprintf(stderr, "\r\033[K%.0f s", seconds);
      return;
    }
    const double share = std::min(1.0, seconds / std::chrono::duration<double>(*whole_).count());
    const int filled = static_cast<int>(share * kWidth);
    const std::string bar(static_cast<std::size_t>(filled), '#');
    std::fprintf(stderr, "\r\033[K[%-*s] %3.0f %%  %.0f s", kWidth, bar.c_str(), share * 100.0, seconds);
  }
  // Takes the bar away, so that a line may be written.
  void clear() const {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

 private:
  static constexpr int kWidth = 40;
  const std::optional<nanoseconds> whole_;
  const bool shown_;
};

std::filesystem::path speech_folder(const std::string& name) {
  const auto environment = daemon::settings::process_environment();
  const daemon::settings::ModelSettings models;
  const auto folder = daemon::settings::find_model(name, models, environment);
  if (!folder.empty()) return folder;
  std::string places;
  if (name.find('/') == std::string::npos) {
    for (const auto& place : daemon::settings::model_places(models, environment))
      places += " " + (place / name).string();
  }
  throw CommandError(ExitCode::kMissing, "there is no model folder " + name +
                                             (places.empty() ? "" : "; looked for" + places) +
                                             " (tools/fetch-models gets the models)");
}

models::runtime::DeviceChoice device_of(const std::string& name) {
  using models::runtime::DeviceChoice;
  return name == "cuda" ? DeviceChoice::kCuda : name == "cpu" ? DeviceChoice::kCpu : DeviceChoice::kAuto;
}

std::shared_ptr<models::runtime::Runtime> load(const models::runtime::RuntimeOptions& options) {
  try {
    return models::runtime::Runtime::load(options);
  } catch (const models::runtime::DeviceError& error) {
    throw CommandError(ExitCode::kMissing, error.what());
  }
}

ExitCode caption(const CaptionOptions& options) {
  files::MediaReader reader(options.file);
  const auto folder = speech_folder(options.model);
  std::ofstream written;
  if (!options.output.empty()) {
    written.open(options.output);
    if (!written) throw CommandError(ExitCode::kFailed, options.output + ": cannot be written");
  }
  std::ostream& out = options.output.empty() ? std::cout : written;

  models::runtime::RuntimeOptions runtime_options;
  runtime_options.hear = folder;
  runtime_options.threads = options.threads;
  runtime_options.device = device_of(options.device);
  const auto runtime = load(runtime_options);

  files::CaptionerOptions captioner_options;
  captioner_options.stream = files::stream_id_of(options.file);
  captioner_options.clock = files::file_clock(reader.info(), daemon::settings::parse_utc(options.start_time));
  captioner_options.narration.hear_model = runtime->hear_name();
  captioner_options.narration.speech.beams = options.beams;
  files::CaptionWriter writer(out, *files::caption_format(options.format), captioner_options.clock.utc_zero);
  files::Captioner captioner(*runtime, std::move(captioner_options));
  ProgressBar bar(reader.info().duration);
  captioner.run(
      reader,
      [&](const sinks::Record& spoken) {
        bar.clear();
        writer.write(spoken);
      },
      [&](nanoseconds done) { bar.update(done); });
  bar.clear();
  if (reader.broken_packets() > 0) {
    std::fprintf(stderr, "vedette: %s: %lld broken packets were skipped\n", options.file.c_str(),
                 static_cast<long long>(reader.broken_packets()));
  }
  if (!out) throw CommandError(ExitCode::kFailed, "the output could not be written");
  return ExitCode::kDone;
}

}  // namespace

void add_caption(CLI::App& app, Action& action) {
  auto options = std::make_shared<CaptionOptions>();
  CLI::App* command = app.add_subcommand("caption", "Writes down the words of a media file");
  command->add_option("FILE", options->file, "Media file, anything that FFmpeg reads")->required();
  command->add_option("--format", options->format, "text, jsonl (records as Redis gets them), srt or vtt")
      ->check(CLI::IsMember({"text", "jsonl", "srt", "vtt"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "File to write; standard output if not given");
  command->add_option("--model", options->model, "Speech model: a folder, or its name")
      ->capture_default_str();
  command
      ->add_option(
          "--start-time", options->start_time,
          "UTC of the file's first moment, e.g. 2026-03-01T12:00:00Z; else as the file says, else 1970")
      ->check([](const std::string& text) {
        const bool good = daemon::settings::parse_utc(text).has_value();
        return good ? std::string()
                    : std::string("expected ") + daemon::settings::kUtcForm + ", received " + text;
      });
  command->add_option("--beams", options->beams, "Hypotheses of the search; 1: greedy")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command->add_option("--device", options->device, "Where the model runs: auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Worker threads; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->callback([options, &action] { action = [options] { return caption(*options); }; });
}

}  // namespace vedette::cli
