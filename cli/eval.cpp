// vedette eval: asks about real media files through the whole road, and counts right answers.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/sight_models.h"
#include "daemon/files/evaluation.h"
#include "daemon/settings/settings.h"

namespace vedette::cli {

namespace {

namespace files = daemon::files;

struct EvalCommand {
  std::string manifest;
  std::string control = "none";
  daemon::settings::ModelSettings models;
  std::string device = "auto";
  double rate = 1.0;
  int threads = 0;
  bool json = false;
  bool quiet = false;
};

// Counts by slot.
struct Score {
  int right = 0, asked = 0, failed = 0;
};

files::EvalOptions options_of(const EvalCommand& command) {
  files::EvalOptions options;
  options.video_rate_hz = command.rate;
  options.swap = command.control == "swap";
  if (command.control == "black") options.control = files::Control::kBlack;
  if (command.control == "mute") options.control = files::Control::kMute;
  return options;
}

void print_result(const files::EvalResult& result, const EvalCommand& command) {
  const files::EvalItem& item = *result.item;
  if (!result.error.empty()) {
    std::fprintf(stderr, "vedette: %s:%d: %s\n", command.manifest.c_str(), item.line, result.error.c_str());
  } else if (command.json) {
    const nlohmann::json line{{"line", item.line},     {"file", item.file.string()},
                              {"slot", item.slot},     {"question", item.question},
                              {"expect", item.expect}, {"answer", result.answer},
                              {"right", result.right}};
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (!command.quiet) {
    std::printf("%s %-10s %s | %s\n", result.right ? "+" : "-", item.slot.c_str(), item.question.c_str(),
                result.answer.c_str());
  }
  std::fflush(stdout);
}

void print_scores(const std::map<std::string, Score>& scores, const EvalCommand& command) {
  Score all;
  nlohmann::json slots = nlohmann::json::object();
  if (!command.json) std::printf("\n%-12s %6s %6s %7s\n", "slot", "right", "asked", "share");
  const auto print = [&](const std::string& slot, const Score& score) {
    const double share = score.asked > 0 ? static_cast<double>(score.right) / score.asked : 0.0;
    if (command.json) {
      slots[slot] = {
          {"right", score.right}, {"asked", score.asked}, {"failed", score.failed}, {"share", share}};
    } else {
      std::printf("%-12s %6d %6d %6.1f %%\n", slot.c_str(), score.right, score.asked, 100.0 * share);
    }
  };
  for (const auto& [slot, score] : scores) {
    print(slot, score);
    all.right += score.right;
    all.asked += score.asked;
    all.failed += score.failed;
  }
  if (!command.json) return print("all", all);
  const nlohmann::json summary{{"control", command.control},
                               {"slots", slots},
                               {"right", all.right},
                               {"asked", all.asked},
                               {"failed", all.failed}};
  std::printf("%s\n", summary.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

ExitCode eval(const EvalCommand& command) {
  std::ifstream in(command.manifest);
  if (!in) throw CommandError(ExitCode::kUsage, command.manifest + ": cannot be read");
  const files::Manifest manifest =
      files::read_manifest(in, command.manifest, std::filesystem::path(command.manifest).parent_path());
  for (const std::string& problem : manifest.problems) std::fprintf(stderr, "vedette: %s\n", problem.c_str());
  if (!manifest.problems.empty()) return ExitCode::kUsage;
  if (manifest.items.empty())
    throw CommandError(ExitCode::kUsage, command.manifest + ": there is no question in it");

  const auto name = [](const std::string& model) { return model == "none" ? std::string() : model; };
  const LoadedModels loaded =
      load_models({name(command.models.hear), name(command.models.see), command.models.think}, command.device,
                  command.threads);
  std::map<std::string, Score> scores;
  bool failed = false;
  files::Evaluation evaluation(*loaded.runtime, *loaded.parts, options_of(command));
  evaluation.run(manifest.items, [&](const files::EvalResult& result) {
    Score& score = scores[result.item->slot];
    const bool answered = result.error.empty();
    failed = failed || !answered;
    score.failed += answered ? 0 : 1;
    score.asked += answered ? 1 : 0;
    score.right += result.right ? 1 : 0;
    print_result(result, command);
  });
  print_scores(scores, command);
  return failed ? ExitCode::kFailed : ExitCode::kDone;
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvalCommand>();
  CLI::App* command = app.add_subcommand("eval", "Asks about media files and counts right answers, by slot");
  command
      ->add_option("MANIFEST", options->manifest,
                   "JSON lines {\"file\", \"from_ms\", \"to_ms\", \"slot\", \"question\", \"expect\": [...]}")
      ->required();
  command
      ->add_option(
          "--control", options->control,
          "What is taken away: black (the picture), mute (the sound), swap (the next file is shown instead)")
      ->check(CLI::IsMember({"none", "black", "swap", "mute"}))
      ->capture_default_str();
  command->add_option("--hear", options->models.hear, "Speech model: a folder, or its name; none")
      ->capture_default_str();
  command->add_option("--see", options->models.see, "Model that sees, likewise")->capture_default_str();
  command->add_option("--think", options->models.think, "Language model: a folder, or its name")
      ->capture_default_str();
  command->add_option("--rate", options->rate, "Pictures that the model sees per second")
      ->check(CLI::Range(0.1, 5.0))
      ->capture_default_str();
  command->add_option("--device", options->device, "Where the models run: auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Worker threads; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object per answer, and one with all scores");
  command->add_flag("--quiet", options->quiet, "Scores only");
  command->callback([options, &action] { action = [options] { return eval(*options); }; });
}

}  // namespace vedette::cli
