#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/files/media_reader.h"
#include "tests/support/temporary_folder.h"

namespace vedette::tests {

// Sound for tests, made by espeak-ng and sox: 16 kHz mono. -R: the same noise and dither in every run.
class Spoken {
 public:
  // The text in a voice, with `before` and `after` seconds of silence around it.
  std::vector<float> say(const std::string& text, const std::string& voice = "en-us+f3", double before = 0.5,
                         double after = 1.0) {
    run("espeak-ng -v " + voice + " -s 140 -w '" + path("raw.wav") + "' '" + text + "'");
    run("sox -R '" + path("raw.wav") + "' -r 16000 -c 1 '" + path("said.wav") + "' pad " +
        std::to_string(before) + " " + std::to_string(after));
    return read(path("said.wav"));
  }
  // Sentences as the demo's streams have them (tools/demo/media.py): a pause behind each, and noise under
  // all.
  std::vector<float> conversation(const std::vector<std::string>& sentences, const std::string& voice,
                                  double pause_s) {
    std::vector<float> samples;
    for (const std::string& sentence : sentences) {
      run("espeak-ng -v " + voice + " -s 140 -g 4 -w '" + path("raw.wav") + "' '" + sentence + "'");
      run("sox -R '" + path("raw.wav") + "' -r 16000 -c 1 '" + path("said.wav") + "' norm -6 pad 0 " +
          std::to_string(pause_s));
      const std::vector<float> said = read(path("said.wav"));
      samples.insert(samples.end(), said.begin(), said.end());
    }
    const double seconds = static_cast<double>(samples.size()) / 16000.0;
    const std::vector<float> noise = synth(seconds + 0.1, "pinknoise vol 0.004");
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] += noise[i];
    return samples;
  }
  // What sox synthesises: "pinknoise vol 0.1", "sine 440 vol 0.2", ...
  std::vector<float> synth(double seconds, const std::string& what) {
    run("sox -R -n -r 16000 -c 1 '" + path("synth.wav") + "' synth " + std::to_string(seconds) + " " + what);
    return read(path("synth.wav"));
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  static std::vector<float> read(const std::string& file) {
    daemon::files::MediaReader reader(file);
    std::vector<float> samples;
    while (reader.read(samples)) {
    }
    return samples;
  }

 private:
  static void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
  test::TemporaryFolder folder_;
};

inline const std::string kMorning =
    "The delivery van stopped in front of the gate this morning. Two men carried a large wooden box to the "
    "warehouse and "
    "left it next to the door. Please check the temperature of the storage room before lunch.";
inline const std::string kKitchen =
    "The teacher asked the children to read the first page of the book. There is fresh bread and cold water "
    "on the table in "
    "the kitchen. The last train to the city was late because of the heavy snow.";
inline const std::string kHarbour =
    "The ferry to the island will leave from platform four in twenty minutes. We are sorry for the delay "
    "this morning. A "
    "strong wind from the north kept all boats in the port until ten o clock.";

}  // namespace vedette::tests
