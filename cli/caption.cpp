// vedette caption: the words of a media file, and what its picture shows, faster than real time.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/load_models.h"
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
  std::string see = daemon::settings::ModelSettings{}.see, think = daemon::settings::ModelSettings{}.think;
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

ExitCode caption(const CaptionOptions& options) {
  files::MediaReader reader(options.file, true);
  files::PictureReader pictures(options.file);
  const bool sees = options.see != "none" && pictures.has_pictures();
  if (!reader.has_sound() && !sees) {
    throw CommandError(ExitCode::kFailed,
                       options.file + ": there is no sound in it" +
                           (pictures.has_pictures() ? ", and --see is none" : " and no picture"));
  }
  std::ofstream written;
  if (!options.output.empty()) {
    written.open(options.output);
    if (!written) throw CommandError(ExitCode::kFailed, options.output + ": cannot be written");
  }
  std::ostream& out = options.output.empty() ? std::cout : written;
  const ModelNames names{reader.has_sound() ? options.model : "", sees ? options.see : "",
                         sees ? options.think : ""};
  const LoadedModels loaded = load_models(names, options.device, options.threads);

  files::CaptionerOptions captioner_options;
  captioner_options.stream = files::stream_id_of(options.file);
  captioner_options.clock = files::file_clock(reader.info(), daemon::settings::parse_utc(options.start_time));
  captioner_options.narration.hear_model = loaded.runtime->hear_name();
  captioner_options.narration.speech.beams = options.beams;
  if (sees) captioner_options.narration.sight = loaded.parts->options();
  files::CaptionWriter writer(out, *files::caption_format(options.format), captioner_options.clock.utc_zero);
  files::Captioner captioner(*loaded.runtime, std::move(captioner_options));
  ProgressBar bar(reader.info().duration);
  files::Captioner::Hooks hooks;
  hooks.give = [&](const sinks::Record& record) {
    bar.clear();
    writer.take(record);
  };
  hooks.progress = [&](nanoseconds done) { bar.update(done); };
  captioner.run(reader, sees ? &pictures : nullptr, hooks);
  writer.finish();
  bar.clear();
  if (const auto broken = reader.broken_packets() + pictures.broken(); broken > 0) {
    std::fprintf(stderr, "vedette: %s: %lld broken packets or pictures were skipped\n", options.file.c_str(),
                 static_cast<long long>(broken));
  }
  if (!out) throw CommandError(ExitCode::kFailed, "the output could not be written");
  return ExitCode::kDone;
}

}  // namespace

void add_caption(CLI::App& app, Action& action) {
  auto options = std::make_shared<CaptionOptions>();
  CLI::App* command =
      app.add_subcommand("caption", "Writes down the words of a media file and what its picture shows");
  command->add_option("FILE", options->file, "Media file, anything that FFmpeg reads")->required();
  command->add_option("--format", options->format, "text, jsonl (records as Redis gets them), srt or vtt")
      ->check(CLI::IsMember({"text", "jsonl", "srt", "vtt"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "File to write; standard output if not given");
  command->add_option("--model", options->model, "Speech model: a folder, or its name")
      ->capture_default_str();
  command->add_option("--see", options->see, "Model that sees, likewise; none: words only")
      ->capture_default_str();
  command->add_option("--think", options->think, "Language model that it tells captions with, likewise")
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
