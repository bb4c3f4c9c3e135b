// How well and how soon words come, by the settings of windows and agreement: the live road in media time,
// without streams and Redis. Prints one line per setting: word error rate, how often a shown word changed,
// and after how much sound behind the end of a word it is shown, committed and closed (median and 95 %); the
// time of a pass is extra.
//
//   hearing_bench MODEL [--hop MS] [--set KEY=VALUE ...] WAV=TEXTFILE ...
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

#include "base/log.h"
#include "daemon/files/media_reader.h"
#include "tests/support/hearing_rig.h"

namespace vedette::tests {

namespace {

using std::chrono::milliseconds;

struct Delays {
  std::vector<double> shown, committed, closed;  // seconds
  int changes = 0;                               // words that were shown and then were others
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

struct SeenWord {
  std::string text;
  double end = 0.0;
  double now = 0.0;
  bool committed = false;
};

Delays delays_of(const std::vector<HearingRig::Stamped>& records) {
  Delays delays;
  std::vector<SeenWord> seen;
  std::map<std::string, std::vector<std::string>> last_words;  // of each record
  for (const auto& stamped : records) {
    if (stamped.record.kind != sinks::Kind::kTranscript) continue;
    const double now = std::chrono::duration<double>(stamped.now).count();
    const auto details = nlohmann::json::parse(stamped.record.details);
    const auto committed = details["committed_words"].get<std::size_t>();
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < details["words"].size(); ++i) {
      const auto& word = details["words"][i];
      const std::string text = daemon::narration::normalised(word["word"].get<std::string>());
      const double end = word["t_end_ms"].get<double>() / 1000.0;
      texts.push_back(text);
      seen.push_back({text, end, now, i < committed});
      if (stamped.record.state != sinks::RecordState::kClose) continue;
      delays.closed.push_back(now - end);
      const auto same = [&](const SeenWord& other) {
        return other.text == text && std::fabs(other.end - end) < 0.6;
      };
      const auto shown = std::find_if(seen.begin(), seen.end(), same);
      const auto sure = std::find_if(seen.begin(), seen.end(),
                                     [&](const SeenWord& other) { return other.committed && same(other); });
      delays.shown.push_back(shown->now - end);
      delays.committed.push_back(sure->now - end);
    }
    auto& before = last_words[stamped.record.id];
    for (std::size_t i = 0; i < std::min(before.size(), texts.size()); ++i)
      delays.changes += before[i] != texts[i] ? 1 : 0;
    if (texts.size() < before.size() && stamped.record.state != sinks::RecordState::kClose) {
      delays.changes += static_cast<int>(before.size() - texts.size());
    }
    before = std::move(texts);
  }
  return delays;
}

std::vector<float> read_file(const std::string& file) {
  daemon::files::MediaReader reader(file);
  std::vector<float> samples;
  while (reader.read(samples)) {
  }
  return samples;
}

int run(int argc, char** argv) {
  CLI::App app("How well and how soon words come");
  std::string model;
  int hop_ms = 1000, tail_ms = 150, wait_ms = 2000, kept_ms = 5000, long_ms = 15000, lead_ms = 500,
      remember_ms = 4000, attempts = 1, pause_ms = 1000, threads = 0, follow_ms = 500, certain_ms = 2500;
  bool verbose = false;
  std::vector<std::string> clips;
  app.add_option("MODEL", model)->required();
  app.add_option("CLIPS", clips)->required();
  app.add_option("--hop", hop_ms);
  app.add_option("--tail", tail_ms);
  app.add_option("--wait", wait_ms);
  app.add_option("--kept", kept_ms);
  app.add_option("--long", long_ms);
  app.add_option("--lead", lead_ms);
  app.add_option("--remember", remember_ms);
  app.add_option("--certain", certain_ms);
  app.add_option("--attempts", attempts);
  app.add_option("--pause", pause_ms);
  app.add_option("--follow", follow_ms);
  app.add_option("--threads", threads);
  app.add_flag("--verbose", verbose);
  CLI11_PARSE(app, argc, argv);

  if (verbose) base::set_log_level(base::LogLevel::kDebug);
  models::runtime::RuntimeOptions runtime_options;
  runtime_options.threads = threads;
  runtime_options.hear = model;
  const auto runtime = models::runtime::Runtime::load(runtime_options);
  daemon::narration::NarrationOptions options;
  options.agreement.unstable_tail = milliseconds(tail_ms);
  options.agreement.kept = milliseconds(kept_ms);
  options.agreement.long_window = milliseconds(long_ms);
  options.agreement.certain_after = milliseconds(certain_ms);
  options.agreement.pause = milliseconds(pause_ms);
  options.agreement.follow_up = milliseconds(follow_ms);
  options.transcripts.longest_wait = milliseconds(wait_ms);
  options.speech.attempts = attempts;
  models::preprocess::AudioWindowOptions windows;
  windows.hop = milliseconds(hop_ms);
  windows.lead_in = milliseconds(lead_ms);
  windows.remember = milliseconds(remember_ms);
  Delays all;
  double errors = 0.0, pass_seconds = 0.0, sound = 0.0;
  std::size_t passes = 0, records = 0;
  for (const std::string& clip : clips) {
    const auto equals = clip.find('=');
    std::ifstream text_file(clip.substr(equals + 1));
    const std::string text{std::istreambuf_iterator<char>(text_file), {}};
    const auto samples = read_file(clip.substr(0, equals));
    HearingRig rig(*runtime, options, windows);
    rig.hear(samples);
    const double rate = word_error_rate(text, rig.text());
    if (verbose) {
      std::printf("%s: WER %.3f\n", clip.c_str(), rate);
      for (const auto& stamped : rig.records()) {
        std::printf("  %6.2f %-6s %s\n", std::chrono::duration<double>(stamped.now).count(),
                    sinks::to_string(stamped.record.state), stamped.record.text.c_str());
      }
    }
    errors += rate;
    const Delays delays = delays_of(rig.records());
    all.shown.insert(all.shown.end(), delays.shown.begin(), delays.shown.end());
    all.committed.insert(all.committed.end(), delays.committed.begin(), delays.committed.end());
    all.closed.insert(all.closed.end(), delays.closed.begin(), delays.closed.end());
    all.changes += delays.changes;
    for (const auto time : rig.pass_times()) pass_seconds += std::chrono::duration<double>(time).count();
    passes += rig.pass_times().size();
    records += rig.records().size();
    sound += static_cast<double>(samples.size()) / 16000.0;
  }
  std::printf(
      "hop %d lead %d remember %d pause %d follow %d certain %d tail %d wait %d kept %d long %d attempts %d: "
      "WER %.3f  "
      "changed %d "
      "of %zu "
      "words  "
      "shown %.2f %.2f  "
      "committed %.2f %.2f  closed %.2f %.2f s  pass %.0f ms, %.2f s per s of sound, %zu records\n",
      hop_ms, lead_ms, remember_ms, pause_ms, follow_ms, certain_ms, tail_ms, wait_ms, kept_ms, long_ms,
      attempts, errors / static_cast<double>(clips.size()), all.changes, all.closed.size(),
      quantile(all.shown, 0.5), quantile(all.shown, 0.95), quantile(all.committed, 0.5),
      quantile(all.committed, 0.95), quantile(all.closed, 0.5), quantile(all.closed, 0.95),
      1000.0 * pass_seconds / static_cast<double>(passes), pass_seconds / sound, records);
  return 0;
}

}  // namespace
}  // namespace vedette::tests

int main(int argc, char** argv) {
  return vedette::tests::run(argc, argv);
}
