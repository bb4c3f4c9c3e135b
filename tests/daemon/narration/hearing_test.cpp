// The road of sound from samples to records with the real speech model, in media time.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "tests/support/hearing_rig.h"
#include "tests/support/real_models.h"
#include "tests/support/spoken.h"

namespace vedette::daemon::narration {
namespace {

using sinks::RecordState;
using tests::HearingRig;

class HearingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    models::runtime::RuntimeOptions options;
    options.hear = test::real_model("whisper-tiny.en");
    runtime_ = models::runtime::Runtime::load(options);
  }
  static void TearDownTestSuite() { runtime_.reset(); }

  static std::string heard_in(const std::vector<float>& samples) {
    HearingRig rig(*runtime_, {}, {});
    rig.hear(samples);
    return rig.text();
  }

  static inline std::shared_ptr<models::runtime::Runtime> runtime_;
  tests::Spoken spoken_;
};

TEST_F(HearingTest, SpeechBecomesWordsWithTimes) {
  HearingRig rig(*runtime_, {}, {});
  const auto samples = spoken_.say(tests::kMorning);
  rig.hear(samples);
  EXPECT_LE(tests::word_error_rate(tests::kMorning, rig.text()), 0.15) << rig.text();

  std::int64_t last_end = 0;
  std::set<std::string> open;
  for (const auto& [record, now] : rig.records()) {
    if (record.kind != sinks::Kind::kTranscript) continue;
    record.state == RecordState::kClose ? open.erase(record.id) : open.insert(record.id).second;
    if (record.state != RecordState::kClose) continue;
    EXPECT_LE(record.t_start_ms, record.t_end_ms);
    EXPECT_GE(record.t_start_ms, last_end - 300);  // records follow each other
    last_end = record.t_end_ms;
  }
  EXPECT_TRUE(open.empty());  // all that opened has closed
  EXPECT_NEAR(static_cast<double>(last_end), static_cast<double>(samples.size()) / 16.0 - 1000.0, 700.0);
}

TEST_F(HearingTest, WordsAreShownBeforeTheyAreSure) {
  HearingRig rig(*runtime_, {}, {});
  rig.hear(spoken_.say(tests::kKitchen));
  EXPECT_LE(tests::word_error_rate(tests::kKitchen, rig.text()), 0.2) << rig.text();
  const auto& records = rig.records();
  const auto opened = std::count_if(records.begin(), records.end(), [](const HearingRig::Stamped& stamped) {
    return stamped.record.state == RecordState::kOpen;
  });
  EXPECT_GE(opened, 3);
  EXPECT_GT(records.size(), static_cast<std::size_t>(2 * opened));
}

TEST_F(HearingTest, PausesSeparateRecords) {
  std::vector<float> samples = spoken_.say("The meeting will begin in ten minutes.", "en-us+f3", 1.0, 6.0);
  const auto second = spoken_.say("Please check the temperature of the room.", "en-us+f3", 0.0, 4.0);
  samples.insert(samples.end(), second.begin(), second.end());
  HearingRig rig(*runtime_, {}, {});
  rig.hear(samples);
  EXPECT_LE(
      tests::word_error_rate(
          "The meeting will begin in ten minutes. Please check the temperature of the room.", rig.text()),
      0.25)
      << rig.text();
  EXPECT_GT(rig.stats().silent, 3u);  // the pauses cost no pass
}

// The demo's two streams: pauses of 2.1 s, in which windows stop and begin again, and noise under all of it.
// What is lost or garbled behind a pause shows here: the limits leave room for two words of 35 and four
// of 28.
TEST_F(HearingTest, HearsTheDemosVoicesThroughPausesAndNoise) {
  const std::vector<std::string> gate = {
      "The delivery truck is waiting in front of the gate.", "Please leave the boxes next to the blue door.",
      "The driver needs a signature from the manager.", "The heavy packages are for the second floor."};
  const std::vector<std::string> lobby = {
      "Good morning, welcome to the office.", "The meeting starts in 10 minutes.",
      "Please take the stairs to the second floor.", "The visitor forgot his umbrella near the window."};
  const struct {
    std::vector<std::string> sentences;
    std::string voice;
    double limit;
  } streams[] = {{gate, "en-us", 0.08}, {lobby, "en-gb+f3", 0.15}};
  for (const auto& stream : streams) {
    HearingRig rig(*runtime_, {}, {});
    std::string text;
    for (const auto& sentence : stream.sentences) text += (text.empty() ? "" : " ") + sentence;
    rig.hear(spoken_.conversation(stream.sentences, stream.voice, 2.1));
    EXPECT_LE(tests::word_error_rate(text, rig.text()), stream.limit) << stream.voice << ": " << rig.text();
    EXPECT_GT(rig.stats().silent, 3u) << stream.voice;
  }
}

TEST_F(HearingTest, HearsAnotherVoiceWithoutPauses) {
  HearingRig rig(*runtime_, {}, {});
  rig.hear(spoken_.conversation({tests::kMorning, tests::kKitchen}, "en-gb", 0.3));
  EXPECT_LE(tests::word_error_rate(tests::kMorning + " " + tests::kKitchen, rig.text()), 0.2) << rig.text();
}

TEST_F(HearingTest, WhatIsNoSpeechGivesNoWords) {
  EXPECT_EQ(heard_in(std::vector<float>(16000 * 12, 0.0F)), "");
  EXPECT_EQ(heard_in(spoken_.synth(12, "pinknoise vol 0.1")), "");
  EXPECT_EQ(heard_in(spoken_.synth(12, "whitenoise vol 0.03")), "");
  EXPECT_EQ(heard_in(spoken_.synth(12, "sine 440 vol 0.2")), "");
  EXPECT_EQ(heard_in(spoken_.synth(12, "sine 220 sine 277.2 sine 329.6 tremolo 2 vol 0.2 remix -")), "");
}

// Full minutes of it, as files are heard: in windows of 30 s, with every temperature tried.
// tests/bench/no_words.py has the same for the live road.
TEST_F(HearingTest, FiveMinutesOfNoSpeechGiveNoWordsFromAFile) {
  models::preprocess::AudioWindowOptions windows;
  windows.whole = true;
  const std::pair<double, std::string> sounds[] = {
      {300.0, "sine 0 vol 0"},
      {300.0, "sine 440 vol 0.2"},
      {300.0, "whitenoise vol 0.03"},
      {300.0, "pinknoise vol 0.1"},
      {2.0, "pluck C3 pluck E3 pluck G3 remix - norm -9 repeat 149"},
  };
  for (const auto& [length_s, what] : sounds) {
    HearingRig rig(*runtime_, whole_windows(), windows);
    const auto samples = spoken_.synth(length_s, what);
    ASSERT_GE(samples.size(), std::size_t{300 * 16000});
    rig.hear(samples);
    EXPECT_EQ(rig.text(), "") << what;
  }
}

}  // namespace
}  // namespace vedette::daemon::narration
