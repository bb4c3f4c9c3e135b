#include "models/preprocess/audio_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace vedette::models::preprocess {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kRate = 16000;

std::vector<float> tone(std::chrono::milliseconds length, float amplitude = 0.5F) {
  std::vector<float> samples(static_cast<std::size_t>(length.count() * kRate / 1000));
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = amplitude * std::sin(0.1F * static_cast<float>(i));
  return samples;
}

struct Fixture : testing::Test {
  explicit Fixture(const AudioWindowOptions& options = {}) : policy(options) {}

  AudioWindowPolicy policy;
  std::vector<CutWindow> windows;
  AudioWindowPolicy::Emit emit = [this](CutWindow window) { windows.push_back(std::move(window)); };

  void sound(std::chrono::milliseconds length) { policy.push(tone(length), emit); }
  void silence(std::chrono::milliseconds length) { policy.push_silence(length.count() * kRate / 1000, emit); }
  std::int64_t end(std::size_t i) const {
    return windows[i].first + static_cast<std::int64_t>(windows[i].samples.size());
  }
};

TEST_F(Fixture, CutsAGrowingWindowEveryHop) {
  sound(3500ms);
  ASSERT_EQ(windows.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(windows[i].first, 0);
    EXPECT_EQ(end(i), static_cast<std::int64_t>(i + 1) * kRate);
    EXPECT_FALSE(windows[i].silent);
    EXPECT_NEAR(windows[i].level_dbfs, 20 * std::log10(0.5F / std::sqrt(2.0F)), 0.1F);
  }
  EXPECT_EQ(policy.now(), 56000);
}

TEST_F(Fixture, HoldsExactlyTheSamplesOfItsSpan) {
  std::vector<float> ramp(5 * kRate);
  for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<float>(i) * 1e-5F + 0.1F;
  for (std::size_t at = 0; at < ramp.size(); at += 777) {  // pieces that fit no hop
    policy.push(std::span(ramp).subspan(at, std::min<std::size_t>(777, ramp.size() - at)), emit);
    policy.settle(1500ms);
  }
  ASSERT_EQ(windows.size(), 5u);
  EXPECT_EQ(windows[1].first, 16000) << "no later than the end of the last window";
  EXPECT_EQ(windows[2].first, 24000);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    for (std::size_t k = 0; k < windows[i].samples.size(); ++k) {
      ASSERT_EQ(windows[i].samples[k], ramp[static_cast<std::size_t>(windows[i].first) + k]);
    }
  }
}

TEST_F(Fixture, SettledTimeNeverMovesBack) {
  sound(4s);
  policy.settle(3s);
  policy.settle(1s);
  sound(1s);
  EXPECT_EQ(windows.back().first, 3 * kRate);
}

TEST_F(Fixture, AFullWindowMovesOnAndSaysSo) {
  sound(32s);
  ASSERT_EQ(windows.size(), 32u);
  EXPECT_EQ(windows[29].samples.size(), 30u * kRate);
  EXPECT_FALSE(windows[29].moved_on);
  EXPECT_TRUE(windows[30].moved_on);
  EXPECT_EQ(windows[30].first, 21 * kRate);
  EXPECT_FALSE(windows[31].moved_on);
  EXPECT_EQ(windows[31].first, 21 * kRate);
}

TEST_F(Fixture, SilenceAfterSoundIsAnalysedOnceThenGated) {
  sound(2s);
  silence(3s);
  sound(1s);
  ASSERT_EQ(windows.size(), 6u);
  const std::vector<bool> expected = {false, false, false, true, true, false};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(windows[i].silent, expected[i]) << i;
  EXPECT_EQ(windows[3].first, 0) << "the first gated window still covers what it ends";
  EXPECT_FLOAT_EQ(windows[3].level_dbfs, -120.0F);
  EXPECT_EQ(windows[5].first, 0) << "what came before a short silence is context";
}

TEST_F(Fixture, ALongSilenceIsLetGoWithTheSoundBeforeIt) {
  sound(2s);
  silence(4s);
  EXPECT_EQ(policy.start(), 0);
  silence(1s);
  sound(1s);
  ASSERT_EQ(windows.size(), 8u);
  EXPECT_EQ(windows[7].first, 6500 * kRate / 1000) << "half a second of lead-in";
}

TEST_F(Fixture, SilenceFromTheStartIsGatedAndLetGo) {
  silence(100s);
  sound(1s);
  ASSERT_EQ(windows.size(), 101u);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(windows[i].silent);
    EXPECT_FALSE(windows[i].moved_on);
    EXPECT_LE(windows[i].samples.size(), 1.5 * kRate);
  }
  EXPECT_EQ(windows[100].first, 99 * kRate + kRate / 2);
}

TEST_F(Fixture, AClickIsSilenceAndAShortWordIsNot) {
  sound(20ms);
  silence(980ms);
  sound(100ms);
  silence(900ms);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_TRUE(windows[0].silent);
  EXPECT_FALSE(windows[1].silent);
}

TEST_F(Fixture, TheEndGivesTheRestWithItsTrueLength) {
  sound(2300ms);
  policy.finish(emit);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_TRUE(windows[2].last);
  EXPECT_FALSE(windows[2].silent);
  EXPECT_EQ(windows[2].samples.size(), 2300u * kRate / 1000);
  EXPECT_EQ(policy.now(), 0) << "a new epoch counts from zero";
}

TEST_F(Fixture, TheEndOnAHopStillGivesALastWindow) {
  sound(2s);
  policy.finish(emit);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_TRUE(windows[2].last);
  EXPECT_FALSE(windows[2].silent) << "its words were seen by one pass only";
  EXPECT_EQ(windows[2].samples.size(), 2u * kRate);
}

TEST_F(Fixture, AnEpochWithoutSoundHasNoWindows) {
  policy.finish(emit);
  EXPECT_TRUE(windows.empty());
}

TEST_F(Fixture, ResetForgets) {
  sound(1500ms);
  policy.reset();
  sound(1s);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].first, 0);
  EXPECT_EQ(windows[1].samples.size(), 1u * kRate);
}

TEST_F(Fixture, SettlingFromWithinTheCallbackIsAllowed) {
  policy.push(tone(3s), [this](CutWindow window) {
    policy.settle(policy.to_time(policy.now()));
    windows.push_back(std::move(window));
  });
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[2].first, 2 * kRate);
  EXPECT_EQ(windows[2].samples.size(), 1u * kRate);
}

TEST(AudioWindowOptionsTest, RefusesWhatCannotWork) {
  const auto message = [](const AudioWindowOptions& options) -> std::string {
    try {
      AudioWindowPolicy policy(options);
      return "";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message({.hop = 50ms}), testing::HasSubstr("hop must be 100 ms"));
  EXPECT_THAT(message({.longest = 31s}),
              testing::HasSubstr("longest must be 1 s to 30 s (in ms), not 31000"));
  EXPECT_THAT(message({.longest = 5s, .keep = 5s}), testing::HasSubstr("keep"));
  EXPECT_THAT(message({.remember = -1s}), testing::HasSubstr("remember must be 0 or longer"));
  EXPECT_EQ(message({.hop = 500ms, .longest = 10s, .keep = 3s}), "");
}

TEST(AudioWindowTimeTest, TimesAreExactFarFromZero) {
  const AudioWindowPolicy policy{AudioWindowOptions{}};
  const std::int64_t year = 365LL * 24 * 3600 * kRate + 1;
  EXPECT_EQ(policy.to_samples(policy.to_time(year) + 1ns), year);
  EXPECT_EQ(policy.to_time(kRate / 2), 500ms);
}

struct WholeWindows : Fixture {
  WholeWindows() : Fixture(whole()) {}
  static AudioWindowOptions whole() {
    AudioWindowOptions options;
    options.whole = true;
    return options;
  }
};

TEST_F(WholeWindows, AreCutWhenTheyAreFullAndBeginWhereTheLastWasSettled) {
  emit = [this](CutWindow window) {
    const bool full = !window.silent;
    windows.push_back(std::move(window));
    if (full) policy.settle(policy.to_time(end(windows.size() - 1)) - 3s);
  };
  for (int i = 0; i < 700; ++i) sound(100ms);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].first, 0);
  EXPECT_EQ(end(0), 30 * kRate);
  EXPECT_EQ(windows[1].first, 27 * kRate);
  EXPECT_EQ(end(1), 57 * kRate);
  policy.finish(emit);
  ASSERT_GE(windows.size(), 4u);
  EXPECT_EQ(windows[2].first, 54 * kRate);
  EXPECT_EQ(end(2), 70 * kRate);
  EXPECT_FALSE(windows[2].last);
  EXPECT_TRUE(windows.back().last);
  EXPECT_TRUE(windows.back().silent);
}

TEST_F(WholeWindows, AreHeardOnceWhenNobodySettlesThem) {
  sound(70s);
  policy.finish(emit);
  ASSERT_EQ(windows.size(), 4u);
  EXPECT_EQ(windows[1].first, 30 * kRate);
  EXPECT_EQ(windows[2].first, 60 * kRate);
  EXPECT_EQ(end(2), 70 * kRate);
  EXPECT_TRUE(windows[3].last);
}

TEST_F(WholeWindows, SilenceBeforeSoundIsLeftOut) {
  silence(12500ms);
  sound(4s);
  policy.finish(emit);
  const auto heard =
      std::find_if(windows.begin(), windows.end(), [](const auto& window) { return !window.silent; });
  ASSERT_NE(heard, windows.end());
  EXPECT_NEAR(static_cast<double>(heard->first), 12.0 * kRate, 0.5 * kRate);
  EXPECT_EQ(heard->first + static_cast<std::int64_t>(heard->samples.size()), 16500 * kRate / 1000);
  EXPECT_EQ(std::count_if(windows.begin(), windows.end(), [](const auto& window) { return !window.silent; }),
            1);
}

TEST_F(WholeWindows, DoNotDependOnThePiecesInWhichSoundComes) {
  std::vector<float> samples = tone(41s);
  const auto quiet = std::vector<float>(9 * kRate, 0.0F);
  samples.insert(samples.begin() + 7 * kRate, quiet.begin(), quiet.end());
  const auto cut = [&](std::size_t piece) {
    AudioWindowPolicy pieces(whole());
    std::vector<std::pair<std::int64_t, std::size_t>> found;
    const auto take = [&](CutWindow window) {
      found.emplace_back(window.first, window.samples.size());
      if (!window.silent) pieces.settle(pieces.to_time(window.first) + 11s);
    };
    for (std::size_t at = 0; at < samples.size(); at += piece)
      pieces.push(std::span(samples).subspan(at, std::min(piece, samples.size() - at)), take);
    pieces.finish(take);
    return found;
  };
  EXPECT_EQ(cut(160), cut(1024));
  EXPECT_EQ(cut(160), cut(samples.size()));
}

}  // namespace
}  // namespace vedette::models::preprocess
