#include "daemon/files/evaluation.h"

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

namespace vedette::daemon::files {

using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds kBefore{30};  // that is watched before what is asked about

milliseconds since_of(const EvalItem& item) {
  return std::max(milliseconds(0), item.from - milliseconds(kBefore));
}

narration::AnswerOptions answer_options(const models::runtime::Runtime& runtime,
                                        const narration::SightParts& parts) {
  narration::AnswerOptions options;
  options.think_model = runtime.think_name();
  options.writer = parts.writer();
  return options;
}

// The file after each of the manifest, the first after the last.
std::map<std::filesystem::path, std::filesystem::path> next_files(const std::vector<EvalItem>& items) {
  std::vector<std::filesystem::path> files;
  for (const EvalItem& item : items) {
    if (std::ranges::find(files, item.file) == files.end()) files.push_back(item.file);
  }
  std::map<std::filesystem::path, std::filesystem::path> next;
  for (std::size_t i = 0; i < files.size(); ++i) next[files[i]] = files[(i + 1) % files.size()];
  return next;
}

}  // namespace

Evaluation::Evaluation(models::runtime::Runtime& runtime, const narration::SightParts& parts,
                       const EvalOptions& options)
    : runtime_(runtime),
      parts_(parts),
      options_(options),
      answers_(runtime.engine(), runtime.think_tokenizer(), runtime.think_template(), runtime.think_context(),
               answer_options(runtime, parts)) {}

void Evaluation::run(const std::vector<EvalItem>& items, const std::function<void(const EvalResult&)>& give) {
  using Stretch = std::tuple<std::filesystem::path, milliseconds, milliseconds>;
  std::vector<std::pair<Stretch, std::vector<const EvalItem*>>> stretches;  // in the manifest's order
  for (const EvalItem& item : items) {
    const Stretch stretch{item.file, since_of(item), item.to};
    auto found = std::ranges::find(stretches, stretch, [](const auto& entry) { return entry.first; });
    if (found == stretches.end()) found = stretches.insert(stretches.end(), {stretch, {}});
    found->second.push_back(&item);
  }
  const auto next = next_files(items);
  for (const auto& [stretch, asked] : stretches) {
    const std::filesystem::path& file = std::get<0>(stretch);
    try {
      view(asked, options_.swap ? next.at(file) : file, give);
    } catch (const std::exception& error) {
      for (const EvalItem* item : asked) give({item, "", false, error.what()});
    }
  }
}

void Evaluation::view(const std::vector<const EvalItem*>& items, const std::filesystem::path& file,
                      const std::function<void(const EvalResult&)>& give) {
  MediaReader sound(file, true);
  PictureReader pictures(file);
  CaptionerOptions options;
  options.stream = "eval";
  options.clock.source = base::ClockSource::kFile;
  options.narration.hear_model = runtime_.hear_name();
  options.narration.sight = parts_.options();
  options.narration.sight->captions = false;  // nobody reads them
  options.video_rate_hz = options_.video_rate_hz;
  options.control = options_.control;
  options.from = since_of(*items.front());
  options.to = items.front()->to;
  std::vector<EvalResult> results;
  Captioner::Hooks hooks;
  hooks.before_end = [&](narration::StreamNarration& narration) {
    for (const EvalItem* item : items) results.push_back(ask(*item, since_of(*item), narration));
  };
  Captioner(runtime_, options).run(sound, &pictures, hooks);
  for (const EvalResult& result : results) give(result);
}

EvalResult Evaluation::ask(const EvalItem& item, milliseconds since, narration::StreamNarration& narration) {
  sinks::Question question;
  question.id = std::to_string(item.line);
  question.stream = narration.stream();
  question.text = item.question;
  question.from_ms = (item.from - since).count();
  question.to_ms = (item.to - since).count();
  const auto promise = std::make_shared<std::promise<sinks::Answer>>();
  answers_.ask(
      question, narration.timeline(), *question.to_ms,
      [promise](sinks::Answer answer) {
        if (answer.state != sinks::AnswerState::kPartial) promise->set_value(std::move(answer));
        return true;
      },
      narration.sight());
  const sinks::Answer answer = promise->get_future().get();
  if (answer.state == sinks::AnswerState::kError) return {&item, "", false, answer.reason};
  return {&item, answer.text, item.is_right(answer.text), ""};
}

}  // namespace vedette::daemon::files
