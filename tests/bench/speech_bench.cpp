// How long speech takes from a file to its text, with the model loaded before, and how long loading takes.
//
//   speech_bench MODEL FILE [--repeats N] [--threads N] [--no-word-times]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "daemon/files/captioner.h"

namespace vedette::tests {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print(const char* what, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  std::printf("%-14s %.3f s [%.3f .. %.3f]\n", what, seconds[seconds.size() / 2], seconds.front(),
              seconds.back());
}

int run(int argc, char** argv) {
  CLI::App app("Speech from a file to text");
  models::runtime::RuntimeOptions options;
  std::string file;
  int repeats = 5;
  bool no_word_times = false;
  app.add_option("MODEL", options.hear)->required();
  app.add_option("FILE", file)->required();
  app.add_option("--repeats", repeats)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--threads", options.threads, "0: one per core");
  app.add_flag("--no-word-times", no_word_times);
  CLI11_PARSE(app, argc, argv);

  daemon::files::CaptionerOptions captioner_options;
  captioner_options.narration.speech.word_times = !no_word_times;
  std::vector<double> loads, texts;
  std::string text;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    const auto runtime = models::runtime::Runtime::load(options);
    loads.push_back(seconds_since(start));
    if (repeat + 1 < repeats) continue;
    daemon::files::Captioner captioner(*runtime, captioner_options);
    for (int round = 0; round <= repeats; ++round) {
      text.clear();
      const auto begin = std::chrono::steady_clock::now();
      daemon::files::MediaReader reader(file);
      captioner.run(reader, [&](const sinks::Record& record) { text += record.text + " "; }, {});
      if (round > 0) texts.push_back(seconds_since(begin));  // the first warms up
    }
  }
  std::printf("%s\n", text.c_str());
  print("load", loads);
  print("file to text", texts);
  return 0;
}

}  // namespace
}  // namespace vedette::tests

int main(int argc, char** argv) {
  return vedette::tests::run(argc, argv);
}
