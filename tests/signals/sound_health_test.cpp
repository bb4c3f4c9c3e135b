#include "signals/sound_health.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/signals/recorder.h"

namespace vedette::signals {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kChunk = 1024;  // not a divisor of a block: chunks and blocks must not need to agree

class SoundHealthTest : public ::testing::Test {
 protected:
  template <class Wave>
  void play(std::chrono::nanoseconds length, Wave wave) {
    auto left =
        static_cast<std::int64_t>(std::chrono::duration<double>(length).count() * SoundHealth::kSampleRateHz);
    while (left > 0) {
      std::vector<float> chunk(static_cast<std::size_t>(std::min<std::int64_t>(left, kChunk)));
      for (float& sample : chunk) sample = wave(played_++);
      health_.add(at(now_), chunk);
      now_ += std::chrono::nanoseconds(static_cast<std::int64_t>(chunk.size()) * 62'500);
      left -= static_cast<std::int64_t>(chunk.size());
    }
  }
  // Time passes without samples.
  void wait(std::chrono::seconds length) {
    for (const auto end = now_ + length; now_ < end;) {
      now_ += 1s;
      health_.tick(at(now_));
    }
  }
  static auto tone(double amplitude, double limit = 1.0) {
    return [=](std::int64_t n) {
      const double value = amplitude * std::sin(2.0 * M_PI * 440.0 * static_cast<double>(n) / 16000.0);
      return static_cast<float>(std::clamp(value, -limit, limit));
    };
  }
  static float zero(std::int64_t) { return 0.0F; }

  Recorder recorder_;
  SoundHealth health_{SoundHealthOptions{}, recorder_.sink()};
  std::chrono::nanoseconds now_{0};
  std::int64_t played_ = 0;
};

TEST_F(SoundHealthTest, MeasuresTheLevel) {
  EXPECT_FLOAT_EQ(health_.level_dbfs(), -120.0F);
  play(1s, tone(0.5));
  EXPECT_NEAR(health_.level_dbfs(), -9.03F, 0.05F);
  EXPECT_THAT(recorder_.events, IsEmpty());
}

TEST_F(SoundHealthTest, ReportsSilenceWithTheTimeItBeganAndEnded) {
  play(4s, tone(0.1));
  play(15s, zero);
  play(3s, tone(0.1));
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_silent on 4000 ms", "sound_silent off 19000 ms"));
  EXPECT_DOUBLE_EQ(recorder_.events[0].measured, -120.0);
  EXPECT_NEAR(recorder_.events[1].measured, -23.0, 0.1);
}

TEST_F(SoundHealthTest, PausesOfSpeechAndShortSoundsChangeNothing) {
  play(2s, tone(0.1));
  play(9s, zero);
  play(1s, tone(0.1));
  EXPECT_THAT(recorder_.events, IsEmpty());
  play(12s, zero);
  play(500ms, tone(0.1));  // a click in a dead line
  play(2s, zero);
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_silent on 12000 ms"));
}

TEST_F(SoundHealthTest, AConstantOffsetIsSilenceAndRoomNoiseIsNot) {
  play(11s, [](std::int64_t) { return 0.2F; });
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_silent on 0 ms"));
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0.0F, 0.003F);  // -50 dBFS
  play(2s, [&](std::int64_t) { return noise(random); });
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_silent on 0 ms", "sound_silent off 11000 ms"));
}

TEST_F(SoundHealthTest, LevelsAroundTheThresholdDoNotFlicker) {
  play(12s, tone(0.00135));  // -60.4 dBFS: silent
  for (int turn = 0; turn < 5; ++turn) {
    play(2s, tone(0.00155));  // -59.2 dBFS: within the margin of an active silence
    play(2s, tone(0.00135));
  }
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_silent on 0 ms"));
}

TEST_F(SoundHealthTest, ReportsClippingOfAnOverdrivenInputOnly) {
  play(5s, tone(0.9));
  EXPECT_THAT(recorder_.events, IsEmpty());
  play(5s, tone(4.0));
  play(5s, tone(0.5));
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_clipped on 5000 ms", "sound_clipped off 10000 ms"));
  EXPECT_NEAR(recorder_.events[0].measured, 0.84, 0.02);  // 2/pi * acos(0.99/4)
}

TEST_F(SoundHealthTest, ReportsAbsenceByTicksAlone) {
  play(3s, tone(0.1));
  wait(8s);
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_absent on 3000 ms"));
  play(2s, tone(0.1));
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_absent on 3000 ms", "sound_absent off 11000 ms"));
}

TEST_F(SoundHealthTest, SoundThatNeverCameIsAbsentSinceTheFirstTick) {
  health_.tick(at(2s));
  health_.tick(at(6s));
  EXPECT_THAT(recorder_.events, IsEmpty());
  health_.tick(at(7s));
  EXPECT_THAT(recorder_.lines(), ElementsAre("sound_absent on 2000 ms"));
}

TEST_F(SoundHealthTest, NothingIsCountedAcrossEpochs) {
  play(8s, zero);
  const std::vector<float> silence(16000 * 8);
  health_.add(at(0s, 1), silence);
  EXPECT_THAT(recorder_.events, IsEmpty());
  health_.add(at(8s, 1), silence);
  ASSERT_EQ(recorder_.events.size(), 1U);
  EXPECT_EQ(recorder_.events[0].since, at(0s, 1));
  health_.tick(at(1000s, 2));  // a new epoch's clock is no gap of the old one
  EXPECT_EQ(recorder_.events.size(), 1U);
}

TEST_F(SoundHealthTest, SamplesThatAreNoNumbersDoNotSpoilTheNextBlock) {
  health_.add(at(0s), {});
  const float odd[] = {std::nanf(""), INFINITY, -INFINITY, 1e30F};
  for (int n = 0; n < 1000; ++n) health_.add(at(n * 250us), odd);
  now_ = 250ms;
  play(2s, tone(0.5));
  EXPECT_NEAR(health_.level_dbfs(), -9.03F, 0.05F);
  EXPECT_THAT(recorder_.events, IsEmpty());
}

}  // namespace
}  // namespace vedette::signals
