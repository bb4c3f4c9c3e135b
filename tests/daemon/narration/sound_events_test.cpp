#include "daemon/narration/sound_events.h"

#include <gtest/gtest.h>

#include "tests/daemon/narration/support.h"
#include "tests/support/sound_heads.h"

namespace vedette::daemon::narration {
namespace {

using sinks::RecordState;

// Sounds are told by their states: class k of the head is loud in feature k.
class SoundEventsTest : public testing::Test {
 protected:
  SoundEventsTest() { clock_.utc_zero = seconds(1000); }
  // A window of one class after the other, a second each: "dd.r" (dog, dog, nothing sure, rain).
  void hear(int from_s, const std::string& classes, bool last = false) {
    streams::HeardWindow window;
    window.start = {0, seconds(from_s)};
    window.length = seconds(static_cast<int>(classes.size()));
    window.last = last;
    window.features = tests::states_of(classes);
    take(events_.take(window, clock_));
  }
  void silence(int from_s, int to_s) {
    streams::HeardWindow window;
    window.start = {0, seconds(from_s)};
    window.length = seconds(to_s - from_s);
    take(events_.take(window, clock_));
  }
  void take(const std::vector<sinks::Record>& records) {
    for (const sinks::Record& record : records) {
      told_ += (record.state == RecordState::kOpen ? "+" : "-") + record.text + " " +
               std::to_string((record.t_start_ms - 1'000'000) / 1000) + "-" +
               std::to_string((record.t_end_ms - 1'000'000) / 1000) + "|";
    }
  }
  std::string lines() const {
    return render(book_.timeline.between(0, 2'000'000), {nullptr, 1'000'000, 0, {}}).text;
  }

  const tests::SoundHeadFolder folder_;
  const models::audio::SoundHead head_ = models::audio::SoundHead::load(folder_.path());
  base::ClockMap clock_;
  StreamBook book_{"gate", 36, {}};
  SoundEvents events_{"gate", "whisper", book_, &head_};
  std::string told_;
};

TEST_F(SoundEventsTest, ASoundOpensAndClosesOnce) {
  hear(0, "ddd");
  hear(0, "dddd");  // windows overlap: a second is heard once
  hear(2, "dd.d");  // a second without it is no end
  EXPECT_EQ(told_, "+dog 0-1|");
  EXPECT_EQ(lines(), "[sound 0-] dog\n");
  hear(4, ".d.d..");
  EXPECT_EQ(told_, "+dog 0-1|-dog 0-8|");
  EXPECT_EQ(lines(), "[sound 0-8] dog\n");
}

TEST_F(SoundEventsTest, AnotherSoundTakesItsPlace) {
  hear(0, "rrrrdddd", true);
  EXPECT_EQ(told_, "+rain 0-1|-rain 0-4|+dog 4-5|-dog 4-8|");
  EXPECT_TRUE(book_.timeline.open().empty());
}

TEST_F(SoundEventsTest, SilenceEndsSoundsAndSpeechIsNoFact) {
  hear(0, "sss");
  silence(3, 8);
  EXPECT_EQ(told_, "+speech 0-1|-speech 0-3|");
  EXPECT_EQ(lines(), "");
  hear(8, "qqq");  // silence by name
  EXPECT_EQ(told_, "+speech 0-1|-speech 0-3|");
  hear(11, "dd");
  take(events_.end());
  EXPECT_EQ(told_, "+speech 0-1|-speech 0-3|+dog 11-12|-dog 11-13|");
  EXPECT_EQ(book_.timeline.between(0, 2'000'000).size(), 1u);
}

TEST_F(SoundEventsTest, BesideSpeechOnlySureSoundsAreNamed) {
  hear(0, "sDs");  // a doubtful dog between words
  EXPECT_EQ(told_, "+speech 0-1|");
  hear(3, "dss", true);  // one beyond doubt
  EXPECT_EQ(told_, "+speech 0-1|-speech 0-3|+dog 3-4|-dog 3-4|+speech 4-5|-speech 4-6|");
}

TEST_F(SoundEventsTest, ADoubtfulSoundWaitsForWhatFollows) {
  hear(0, "Dss");
  EXPECT_EQ(told_, "+speech 1-2|");
  silence(3, 8);
  told_.clear();
  hear(8, "D");
  EXPECT_EQ(told_, "");
  hear(9, ".");
  EXPECT_EQ(told_, "+dog 8-9|");
  hear(10, "..D", true);
  EXPECT_EQ(told_, "+dog 8-9|-dog 8-9|+dog 12-13|-dog 12-13|");
}

TEST_F(SoundEventsTest, AnotherSoundExplainsADoubtfulOne) {
  hear(0, "Drr", true);
  EXPECT_EQ(told_, "+rain 1-2|-rain 1-3|");
}

TEST_F(SoundEventsTest, ASpanThatIsNotWholeIsDoubtful) {
  std::string config = tests::SoundHeadFolder::kConfig;
  config.replace(config.find("\"span_s\": 1"), 11, "\"span_s\": 2");
  const tests::SoundHeadFolder folder(config);
  const auto head = models::audio::SoundHead::load(folder.path());
  SoundEvents events("gate", "whisper", book_, &head);
  streams::HeardWindow window{
      .start = {0, seconds(0)}, .length = seconds(1), .features = tests::states_of("d")};
  EXPECT_TRUE(events.take(window, clock_).empty());
  window.length = seconds(2);
  window.features = tests::states_of("dd");
  take(events.take(window, clock_));
  EXPECT_EQ(told_, "+dog 0-1|");
}

// Rows of a sound: how many states it was, and what the first of them says.
class FakeProjector : public models::runtime::SoundProjecting {
 public:
  models::tensor::Tensor project(const models::tensor::TensorView& states, std::int64_t first,
                                 std::int64_t count) override {
    auto rows = models::tensor::Tensor::zeros(models::tensor::DType::kF32, {1, 2});
    rows.as<float>()[0] = static_cast<float>(count);
    rows.as<float>()[1] = states.as<float>()[static_cast<std::size_t>(first) * 4];
    return rows;
  }
};

TEST_F(SoundEventsTest, TheSpanThatNamedASoundBecomesItsRows) {
  FakeProjector projector;
  SoundEvents events("gate", "whisper", book_, &head_, &projector);
  const auto listen = [&](int from_s, const std::string& classes) {
    streams::HeardWindow window;
    window.start = {0, seconds(from_s)};
    window.length = seconds(static_cast<int>(classes.size()));
    window.features = tests::states_of(classes);
    events.take(window, clock_);
    return events.take_rows();
  };
  auto rows = listen(0, "sdd");  // speech has none; the dog's first second has its own
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].first, book_.timeline.open().front().record_id);
  EXPECT_EQ(rows[0].second.as<float>()[0], 50.0F);
  EXPECT_EQ(rows[0].second.as<float>()[1], 1.0F);
  EXPECT_TRUE(listen(3, "dd").empty()) << "it goes on";
  EXPECT_TRUE(listen(5, "...D").empty()) << "a doubtful one waits";
  rows = listen(9, "..");
  ASSERT_EQ(rows.size(), 1u) << "and has the rows of its own span";
  EXPECT_FLOAT_EQ(rows[0].second.as<float>()[1], 0.086F);
}

TEST_F(SoundEventsTest, WithoutAHeadThereAreNone) {
  SoundEvents none("gate", "", book_, nullptr);
  streams::HeardWindow window;
  window.length = seconds(3);
  window.features = tests::states_of("ddd");
  EXPECT_TRUE(none.take(window, clock_).empty());
  EXPECT_TRUE(none.end().empty());
}

}  // namespace
}  // namespace vedette::daemon::narration
