// vedette eval: asks about real media files through the whole road, and counts right answers.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/command.h"
#include "cli/load_models.h"
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

// Counts of one slot.
struct Score {
  int right = 0, asked = 0, failed = 0;
  std::map<std::vector<std::string>, int> expected;  // how often each answer would have been right

  double share() const { return asked > 0 ? static_cast<double>(right) / asked : 0.0; }
  // Right when the commonest answer is always given; less than 0 where questions say only what is wrong.
  double commonest() const {
    int most = 0;
    for (const auto& [answer, times] : expected) most = std::max(most, answer.empty() ? 0 : times);
    return most > 0 && asked > 0 ? static_cast<double>(most) / asked : -1.0;
  }
};
using Scores = std::map<std::string, Score>;

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
    const nlohmann::json line{{"line", item.line},       {"file", item.file.string()},
                              {"slot", item.slot},       {"question", item.question},
                              {"expect", item.expect},   {"reject", item.reject},
                              {"answer", result.answer}, {"right", result.right}};
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else if (!command.quiet) {
    std::printf("%s %-10s %s | %s\n", result.right ? "+" : "-", item.slot.c_str(), item.question.c_str(),
                result.answer.c_str());
  }
  std::fflush(stdout);
}

// Of slots "presence/yes" and "presence/no": the mean of their shares, as "presence".
std::map<std::string, double> balanced(const Scores& scores) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const auto& [slot, score] : scores) {
    const auto cut = slot.find('/');
    if (cut == std::string::npos || score.asked == 0) continue;
    auto& [sum, count] = sums[slot.substr(0, cut)];
    sum += score.share();
    ++count;
  }
  std::map<std::string, double> means;
  for (const auto& [name, sum] : sums) {
    if (sum.second > 1) means[name] = sum.first / sum.second;
  }
  return means;
}

Score sum_of(const Scores& scores) {
  Score all;
  for (const auto& [slot, score] : scores) {
    all.right += score.right;
    all.asked += score.asked;
    all.failed += score.failed;
  }
  return all;
}

void print_table(const Scores& scores) {
  std::printf("\n%-16s %6s %6s %8s %10s\n", "slot", "right", "asked", "share", "commonest");
  const auto print = [](const std::string& slot, const Score& score) {
    std::printf("%-16s %6d %6d %6.1f %%", slot.c_str(), score.right, score.asked, 100.0 * score.share());
    if (score.commonest() >= 0.0) std::printf(" %8.1f %%", 100.0 * score.commonest());
    std::printf("\n");
  };
  for (const auto& [slot, score] : scores) print(slot, score);
  for (const auto& [name, share] : balanced(scores))
    std::printf("%-16s %13s %6.1f %%\n", name.c_str(), "balanced", 100.0 * share);
  print("all", sum_of(scores));
}

void print_json(const Scores& scores, const std::string& control) {
  nlohmann::json slots = nlohmann::json::object();
  for (const auto& [slot, score] : scores) {
    nlohmann::json commonest;  // null where there is none
    if (score.commonest() >= 0.0) commonest = score.commonest();
    slots[slot] = {{"right", score.right},
                   {"asked", score.asked},
                   {"failed", score.failed},
                   {"share", score.share()},
                   {"commonest", commonest}};
  }
  const Score all = sum_of(scores);
  const nlohmann::json summary{{"control", control}, {"slots", slots},     {"balanced", balanced(scores)},
                               {"right", all.right}, {"asked", all.asked}, {"failed", all.failed}};
  std::printf("%s\n", summary.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

// The file that each file is swapped with needs another.
void check_control(const EvalCommand& command, const std::vector<files::EvalItem>& items) {
  const bool one_file =
      std::ranges::all_of(items, [&](const files::EvalItem& item) { return item.file == items[0].file; });
  if (command.control == "swap" && one_file)
    throw CommandError(ExitCode::kUsage,
                       command.manifest + ": --control swap needs questions about two files");
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
  check_control(command, manifest.items);

  const auto name = [](const std::string& model) { return model == "none" ? std::string() : model; };
  const LoadedModels loaded =
      load_models({name(command.models.hear), name(command.models.see), command.models.think}, command.device,
                  command.threads);
  Scores scores;
  bool failed = false;
  files::Evaluation evaluation(*loaded.runtime, *loaded.parts, options_of(command));
  evaluation.run(manifest.items, [&](const files::EvalResult& result) {
    Score& score = scores[result.item->slot];
    const bool answered = result.error.empty();
    failed = failed || !answered;
    score.failed += answered ? 0 : 1;
    score.asked += answered ? 1 : 0;
    score.right += result.right ? 1 : 0;
    if (answered) ++score.expected[result.item->expect];
    print_result(result, command);
  });
  if (command.json) {
    print_json(scores, command.control);
  } else {
    print_table(scores);
  }
  return failed ? ExitCode::kFailed : ExitCode::kDone;
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvalCommand>();
  CLI::App* command = app.add_subcommand("eval", "Asks about media files and counts right answers, by slot");
  command
      ->add_option("MANIFEST", options->manifest,
                   "JSON lines {\"file\", \"from_ms\", \"to_ms\", \"slot\", \"question\", \"expect\": [...], "
                   "\"reject\": [...]}")
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
