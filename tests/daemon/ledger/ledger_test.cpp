#include "daemon/ledger/ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

#include "daemon/ledger/ledger_feed.h"

namespace vedette::daemon::ledger {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

class LedgerTest : public testing::Test {
 protected:
  nanoseconds spent(Coverage state, std::size_t account = 0) const {
    return ledger_.accounts().at(account).spent[static_cast<std::size_t>(state)];
  }
  nanoseconds sum(std::size_t account = 0) const {
    const auto spent = ledger_.accounts().at(account).spent;
    return std::accumulate(spent.begin(), spent.end(), nanoseconds{0});
  }

  Ledger::Clock::time_point now_{seconds(1000)};
  Ledger ledger_{[this] { return now_; }};
};

TEST_F(LedgerTest, EverySecondIsInOneState) {
  ledger_.book("gate", {true, false});
  now_ += seconds(2);
  ledger_.set("gate", Modality::kAudio, Coverage::kAnalysed);
  now_ += seconds(5);
  ledger_.set("gate", Modality::kAudio, Coverage::kGated);
  now_ += seconds(3);
  EXPECT_EQ(spent(Coverage::kStarting), seconds(2));
  EXPECT_EQ(spent(Coverage::kAnalysed), seconds(5));
  EXPECT_EQ(spent(Coverage::kGated), seconds(3));
  EXPECT_EQ(sum(), seconds(10));
}

TEST_F(LedgerTest, AddsUpToWallTimeWhateverHappens) {
  std::minstd_rand random(7);
  ledger_.book("gate", {true, false});
  const auto start = now_;
  for (int i = 0; i < 10'000; ++i) {
    now_ += nanoseconds(random());
    if (random() % 3 == 0) ledger_.book("gate", {true, false});
    ledger_.set("gate", Modality::kAudio, static_cast<Coverage>(random() % kCoverageStates));
    ledger_.set("gate", Modality::kVideo, Coverage::kAnalysed);  // was not begun
  }
  EXPECT_EQ(sum(), now_ - start);
  EXPECT_EQ(ledger_.accounts().size(), 1U);
}

TEST_F(LedgerTest, CountsOnlyWhileItIsConfigured) {
  ledger_.book("gate", {true, false});
  now_ += seconds(1);
  ledger_.book("gate", {false, false});
  now_ += seconds(50);
  ledger_.set("gate", Modality::kAudio, Coverage::kAnalysed);
  EXPECT_EQ(sum(), seconds(1));
  ledger_.book("gate", {true, false});
  now_ += seconds(4);
  EXPECT_EQ(sum(), seconds(5));
  EXPECT_EQ(spent(Coverage::kStarting), seconds(5));
}

TEST_F(LedgerTest, AStreamThatIsChangedStaysInTheBookAndOneThatGoesLeavesIt) {
  ledger_.book("gate", {true, false});
  ledger_.set("gate", Modality::kAudio, Coverage::kDown);
  now_ += seconds(2);
  ledger_.book("gate", {true, true});  // now with its picture
  now_ += seconds(3);
  EXPECT_EQ(spent(Coverage::kDown), seconds(5));
  EXPECT_EQ(spent(Coverage::kStarting, 1), seconds(3));
  ledger_.book("gate", {false, true});
  now_ += seconds(4);
  EXPECT_EQ(sum(), seconds(5));
  EXPECT_EQ(sum(1), seconds(7));
  ledger_.book("gate", {false, false});
  ledger_.forget("gate");
  EXPECT_TRUE(ledger_.accounts().empty());
}

class NoFeed : public streams::Feed {
 public:
  void on_clock(const base::ClockMap&) override { ++calls; }
  void on_heard(streams::HeardWindow) override { ++calls; }
  void on_seen(streams::SeenFrame) override { ++calls; }
  void on_motion(const signals::MotionEvent&) override { ++calls; }
  void on_health(const signals::HealthEvent&) override { ++calls; }
  void on_status(const streams::StreamStatus&) override { ++calls; }
  base::MediaTime committed_until() const override { return {3, seconds(4)}; }
  int calls = 0;
};

TEST_F(LedgerTest, BooksWhatPassesBetweenSourceAndNarration) {
  const auto next = std::make_shared<NoFeed>();
  std::uint64_t shed = 0;
  {
    ledger_.book("gate", {true, false});
    LedgerFeed feed("gate", ledger_, next, [&] { return shed; });
    now_ += seconds(1);
    feed.on_status({streams::StreamState::kReconnecting, "refused", 0});
    now_ += seconds(2);
    feed.on_status({streams::StreamState::kReconnecting, "decode", 0});
    now_ += seconds(4);
    feed.on_status({streams::StreamState::kRunning, "", 0});
    feed.on_heard({});  // without features: silent
    now_ += seconds(8);
    streams::HeardWindow window;
    window.features = models::tensor::Tensor(models::tensor::DType::kF32, models::tensor::Shape{1, 1});
    feed.on_heard(std::move(window));
    now_ += seconds(16);
    shed = 1;
    feed.on_heard({});
    now_ += seconds(32);
    feed.on_clock({});
    feed.on_health({});
    EXPECT_EQ(feed.committed_until(), (base::MediaTime{3, seconds(4)}));
  }
  ledger_.book("gate", {false, false});
  now_ += seconds(64);
  EXPECT_EQ(next->calls, 8);
  EXPECT_EQ(spent(Coverage::kStarting), seconds(1));
  EXPECT_EQ(spent(Coverage::kNoSignal), seconds(2));
  EXPECT_EQ(spent(Coverage::kDecodeError), seconds(4));
  EXPECT_EQ(spent(Coverage::kGated), seconds(8));
  EXPECT_EQ(spent(Coverage::kAnalysed), seconds(16));
  EXPECT_EQ(spent(Coverage::kShed), seconds(32));
  EXPECT_EQ(sum(), seconds(63));
}

TEST_F(LedgerTest, BooksPicturesBesideSound) {
  const auto next = std::make_shared<NoFeed>();
  ledger_.book("gate", {true, true});
  LedgerFeed feed("gate", ledger_, next, [] { return std::uint64_t{0}; });
  const auto seen = [&](float change, std::uint32_t lost) {
    streams::SeenFrame frame;
    frame.change = change;
    frame.lost = lost;
    feed.on_seen(std::move(frame));
  };
  now_ += seconds(1);
  feed.on_status({streams::StreamState::kRunning, "no_audio", 0});
  now_ += seconds(2);
  seen(0.5F, 0);
  now_ += seconds(4);
  seen(0.0F, 0);
  now_ += seconds(8);
  seen(0.5F, 3);
  now_ += seconds(16);
  feed.on_health({signals::Condition::kPictureAbsent, true, {}, 0.0});
  now_ += seconds(32);
  EXPECT_EQ(next->calls, 5);
  std::map<Modality, std::map<Coverage, int>> spent;
  for (const auto& account : ledger_.accounts()) {
    for (std::size_t state = 0; state < kCoverageStates; ++state) {
      spent[account.modality][static_cast<Coverage>(state)] =
          static_cast<int>(std::chrono::duration_cast<seconds>(account.spent[state]).count());
    }
  }
  EXPECT_EQ(spent[Modality::kVideo][Coverage::kStarting], 3);
  EXPECT_EQ(spent[Modality::kVideo][Coverage::kAnalysed], 4);
  EXPECT_EQ(spent[Modality::kVideo][Coverage::kGated], 8);
  EXPECT_EQ(spent[Modality::kVideo][Coverage::kShed], 16);
  EXPECT_EQ(spent[Modality::kVideo][Coverage::kNoSignal], 32);
  EXPECT_EQ(spent[Modality::kAudio][Coverage::kNoSignal], 62);
}

}  // namespace
}  // namespace vedette::daemon::ledger
