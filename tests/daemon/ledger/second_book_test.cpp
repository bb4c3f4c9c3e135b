#include "daemon/ledger/second_book.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "daemon/ledger/coverage_writer.h"
#include "daemon/ledger/ledger.h"

namespace vedette::daemon::ledger {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::ElementsAre;

MATCHER_P2(Letters, first, letters, "") {
  return arg.first == first && arg.letters == letters;
}

TEST(Coverage, EveryStateHasALetterOfItsOwn) {
  std::set<char> letters;
  for (std::size_t i = 0; i < kCoverageStates; ++i) {
    const auto state = static_cast<Coverage>(i);
    letters.insert(letter_of(state));
    EXPECT_EQ(coverage_of_letter(letter_of(state)), state);
  }
  EXPECT_EQ(letters.size(), kCoverageStates);
  EXPECT_EQ(coverage_of_letter('\0'), Coverage::kDown);
  EXPECT_EQ(coverage_of_letter('?'), Coverage::kDown);
}

TEST(SecondBook, ASecondIsWhatMostOfItWas) {
  SecondBook book;
  book.add(Coverage::kStarting, 100s + 200ms, 101s + 400ms);
  book.add(Coverage::kAnalysed, 101s + 400ms, 104s + 400ms);
  book.add(Coverage::kShed, 104s + 400ms, 105s);
  book.add(Coverage::kGated, 105s, 105s + 100ms);
  EXPECT_THAT(book.take(), ElementsAre(Letters(100, "saaax")));
  EXPECT_TRUE(book.take().empty());
  book.finish();
  EXPECT_THAT(book.take(), ElementsAre(Letters(105, "g")));
}

TEST(SecondBook, AClockThatIsSetBeginsAgainThere) {
  SecondBook book;
  book.add(Coverage::kAnalysed, 100s, 102s);
  book.add(Coverage::kAnalysed, 101s + 999ms, 103s);  // slewed by a millisecond
  book.add(Coverage::kGated, 50s, 52s);               // set back
  book.add(Coverage::kShed, 200s, 201s);              // and forth
  book.finish();
  EXPECT_THAT(book.take(), ElementsAre(Letters(100, "aaa"), Letters(50, "gg"), Letters(200, "x")));
}

TEST(SecondBook, WhatNobodyTakesIsBounded) {
  SecondBook book;
  book.add(Coverage::kAnalysed, 0s, 72h);
  std::size_t letters = 0;
  for (const Seconds& run : book.take()) letters += run.letters.size();
  EXPECT_LE(letters, 24U * 3600);
  EXPECT_GT(letters, 22U * 3600);
}

// A ledger with clocks of the test.
class HistoryTest : public testing::Test {
 protected:
  std::string taken(Modality modality = Modality::kAudio) {
    std::string text;
    for (const auto& history : ledger_.take_history()) {
      if (history.modality == modality)
        text += std::to_string(history.seconds.first) + history.seconds.letters;
    }
    return text;
  }
  Ledger::Clock::time_point now_{50s};
  nanoseconds ahead_ = 1000s;
  Ledger ledger_{[this] { return now_; }, [this] { return now_.time_since_epoch() + ahead_; }};
};

TEST_F(HistoryTest, EverySecondIsTakenOnce) {
  ledger_.book("gate", {true, true});
  ledger_.set("gate", Modality::kAudio, Coverage::kAnalysed);
  now_ += 2500ms;
  EXPECT_EQ(taken(), "1050aa");
  ledger_.set("gate", Modality::kAudio, Coverage::kNoSignal);
  now_ += 2500ms;
  EXPECT_EQ(taken(), "1052ann");  // half and half
  EXPECT_EQ(taken(Modality::kVideo), "");
  EXPECT_EQ(taken(), "");
  now_ += 600ms;
  ledger_.book("gate", {false, true});
  EXPECT_EQ(taken(), "1055n");  // what has begun counts at the end
  now_ += 10s;
  EXPECT_EQ(taken(), "");
  ledger_.book("gate", {true, true});
  now_ += 1s;
  EXPECT_EQ(taken(), "1065s");
}

TEST_F(HistoryTest, AClockThatIsSetIsCounted) {
  ledger_.book("gate", {true, false});
  const auto stepped = [&](const std::string& direction) {
    metrics::Metrics metrics;
    metrics.add_source([&](metrics::Scrape& scrape) { ledger_.write(scrape); });
    const std::string text = metrics.text();
    const std::string name = "vedette_clock_stepped_seconds_total{direction=\"" + direction + "\"} ";
    const auto at = text.find(name);
    return at == text.npos ? -1.0 : std::stod(text.substr(at + name.size()));
  };
  now_ += 3s;
  ahead_ += 100ms;  // slewed
  EXPECT_EQ(taken(), "1050sss");
  EXPECT_EQ(stepped("forward"), 0.0);
  ahead_ += 7200s;
  now_ += 2s;
  EXPECT_EQ(taken(), "1053s8253ss");
  ahead_ -= 7300s;
  now_ += 2s;
  EXPECT_EQ(taken(), "8255s955ss");
  EXPECT_EQ(stepped("forward"), 7200.0);
  EXPECT_EQ(stepped("back"), 7300.0);
}

TEST_F(HistoryTest, LettersAddUpToWallTime) {
  std::minstd_rand random(3);
  ledger_.book("gate", {true, false});
  std::size_t letters = 0;
  for (int i = 0; i < 20'000; ++i) {
    now_ += nanoseconds(random() % 700'000'000);
    ledger_.set("gate", Modality::kAudio, static_cast<Coverage>(random() % kCoverageStates));
    if (i % 7 != 0) continue;
    for (const auto& history : ledger_.take_history()) letters += history.seconds.letters.size();
  }
  ledger_.book("gate", {false, false});
  for (const auto& history : ledger_.take_history()) letters += history.seconds.letters.size();
  EXPECT_EQ(static_cast<std::int64_t>(letters),
            std::chrono::ceil<seconds>(now_.time_since_epoch() - 50s).count());
}

TEST_F(HistoryTest, AWriterHandsOnWhatIsLeft) {
  std::vector<std::string> written;
  {
    CoverageWriter writer(
        ledger_,
        [&](const Ledger::History& history) { written.push_back(history.stream + history.seconds.letters); },
        1h);
    ledger_.book("gate", {true, false});
    now_ += 3s;
    writer.flush();
    EXPECT_THAT(written, ElementsAre("gatesss"));
    now_ += 500ms;
    ledger_.book("gate", {false, false});
  }
  EXPECT_THAT(written, ElementsAre("gatesss", "gates"));
}

TEST(CoverageWriter, WritesByItself) {
  Ledger ledger;
  ledger.book("gate", {true, false});
  std::mutex mutex;
  std::condition_variable changed;
  int written = 0;
  const CoverageWriter writer(
      ledger,
      [&](const Ledger::History&) {
        const std::lock_guard lock(mutex);
        ++written;
        changed.notify_all();
      },
      50ms);
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, 60s, [&] { return written >= 2; }));
}

}  // namespace
}  // namespace vedette::daemon::ledger
