#include "daemon/service/fleet.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/support/fake_audio_encoding.h"
#include "tests/support/fake_engine.h"
#include "tests/support/recording_publisher.h"

namespace vedette::daemon::service {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

settings::StreamSettings stream(const std::string& id, const std::string& source = "test://tone") {
  settings::StreamSettings stream;
  stream.id = id;
  stream.source = source;
  stream.video = false;
  stream.retry_first = 50ms;
  return stream;
}

// A fleet with sources that need no server, a fake encoder and a publisher that writes down what comes.
class FleetTest : public testing::Test {
 protected:
  FleetHooks hooks() {
    FleetHooks hooks;
    hooks.narrate = [this](const settings::StreamSettings& stream) {
      narration::NarrationOptions options;
      options.sight.emplace();
      return narration::StreamNarration::create(stream.id, engine_, publisher_, options);
    };
    hooks.configured = [this](const std::vector<std::string>& ids, const std::vector<std::string>& gone) {
      ids_ = ids;
      gone_ = gone;
      states_when_configured_ = publisher_.states();
    };
    return hooks;
  }
  // Values that the state of a stream had, in order.
  static std::vector<std::string> states_of(const std::string& id,
                                            const std::vector<sinks::StateUpdate>& all) {
    std::vector<std::string> states;
    for (const auto& update : all) {
      if (update.stream == id && update.state && (states.empty() || states.back() != *update.state))
        states.push_back(*update.state);
    }
    return states;
  }
  static bool waits_until(const std::function<bool()>& is_so) {
    for (int turn = 0; turn < 3000 && !is_so(); ++turn) std::this_thread::sleep_for(10ms);
    return is_so();
  }
  bool waits_for_windows(const std::string& id, std::uint64_t count) {
    return waits_until([&] { return fleet_.find(id)->stats().windows >= count; });
  }
  // A stream's state is told at its next tick, which may come after its first window.
  bool waits_until_running(const std::string& id) {
    return waits_for_windows(id, 1) && waits_until([&] {
             const auto states = states_of(id, publisher_.states());
             return !states.empty() && states.back() == "running";
           });
  }
  bool waits_until_none_starts() {
    return waits_until([&] { return fleet_.starting().empty(); });
  }

  tests::FakeEngine engine_;
  tests::RecordingPublisher publisher_;
  ledger::Ledger ledger_;
  std::vector<std::string> ids_, gone_;
  std::vector<sinks::StateUpdate> states_when_configured_;
  Fleet fleet_{gst::RuntimeHandle{std::make_shared<tests::FakeAudioEncoding>()}, ledger_, hooks()};
};

TEST_F(FleetTest, OnlyWhatChangedIsStoppedAndStarted) {
  auto changes = fleet_.apply({stream("kept"), stream("changed"), stream("gone")});
  EXPECT_EQ(changes.summary(), "3 new (kept changed gone), 0 as before");
  EXPECT_THAT(ids_, ElementsAre("kept", "changed", "gone"));
  for (const char* id : {"kept", "changed", "gone"}) ASSERT_TRUE(waits_until_running(id)) << id;
  EXPECT_TRUE(waits_until_none_starts());
  const auto kept = fleet_.find("kept"), changed = fleet_.find("changed"), gone = fleet_.find("gone");
  const std::uint64_t heard = kept->stats().windows;

  settings::StreamSettings other = stream("changed");
  other.caption.prompt = "What is new?";
  changes = fleet_.apply({stream("new"), other, stream("kept")});
  EXPECT_EQ(changes.summary(), "1 new (new), 1 changed (changed), 1 gone (gone), 1 as before");
  EXPECT_THAT(ids_, ElementsAre("new", "changed", "kept"));
  EXPECT_THAT(gone_, ElementsAre("gone"));
  EXPECT_EQ(states_of("gone", states_when_configured_).back(), "stopped");
  EXPECT_EQ(fleet_.find("kept"), kept);
  EXPECT_EQ(fleet_.find("gone"), nullptr);
  ASSERT_NE(fleet_.find("changed"), nullptr);
  EXPECT_NE(fleet_.find("changed"), changed);
  for (const char* id : {"new", "changed"}) ASSERT_TRUE(waits_until_running(id)) << id;
  ASSERT_TRUE(waits_for_windows("kept", heard + 1));
  EXPECT_THAT(states_of("kept", publisher_.states()), ElementsAre("starting", "running"));
  EXPECT_THAT(states_of("changed", publisher_.states()),
              ElementsAre("starting", "running", "stopped", "starting", "running"));
  EXPECT_THAT(states_of("gone", publisher_.states()), ElementsAre("starting", "running", "stopped"));
  std::vector<std::string> booked;
  for (const auto& account : ledger_.accounts()) booked.push_back(account.stream);
  EXPECT_THAT(booked, ElementsAre("changed", "kept", "new"));
}

TEST_F(FleetTest, TheSameSettingsAgainChangeNothing) {
  fleet_.apply({stream("a"), stream("b")});
  const auto a = fleet_.find("a");
  EXPECT_EQ(fleet_.apply({stream("b"), stream("a")}).summary(), "2 as before");
  EXPECT_EQ(fleet_.find("a"), a);
  EXPECT_THAT(fleet_.ids(), ElementsAre("b", "a"));  // as configured
  EXPECT_THAT(states_of("a", publisher_.states()).size(), testing::Le(2U));
}

TEST_F(FleetTest, WhatIsOpenClosesWhenAStreamGoes) {
  fleet_.apply({stream("a", "file:///nowhere/clip.mp4")});
  ASSERT_TRUE(waits_until_none_starts());
  fleet_.apply({stream("b", "file:///nowhere/clip.mp4")});
  std::map<std::string, sinks::RecordState> last;
  for (const auto& record : publisher_.records()) {
    if (record.stream == "a") last[record.id] = record.state;
  }
  EXPECT_FALSE(last.empty());
  for (const auto& [id, state] : last) EXPECT_EQ(state, sinks::RecordState::kClose) << id;
}

TEST_F(FleetTest, AStreamWithoutRoomIsThereAndSaysSoUntilThereIsSome) {
  fleet_.apply({stream("a"), stream("b")}, {"b"});
  EXPECT_THAT(ids_, ElementsAre("a", "b"));
  ASSERT_TRUE(waits_until_running("a"));
  EXPECT_TRUE(waits_until_none_starts());
  EXPECT_THAT(states_of("b", publisher_.states()), ElementsAre("refused"));
  for (const auto& account : ledger_.accounts()) {
    if (account.stream != "b") continue;
    EXPECT_EQ(account.state, ledger::Coverage::kShed);
  }
  const auto a = fleet_.find("a");
  EXPECT_EQ(fleet_.apply({stream("a"), stream("b")}).summary(), "2 as before");
  ASSERT_TRUE(waits_until_running("b"));
  EXPECT_THAT(states_of("b", publisher_.states()), ElementsAre("refused", "starting", "running"));
  EXPECT_EQ(fleet_.find("a"), a);
  fleet_.apply({stream("a"), stream("b")}, {"a"});
  EXPECT_EQ(states_of("a", publisher_.states()).back(), "refused");
}

TEST_F(FleetTest, AsksAndReloadsMayMeet) {
  fleet_.apply({stream("a"), stream("b")});
  std::jthread asker([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (const auto narration = fleet_.find("b")) static_cast<void>(narration->timeline().open());
      metrics::Metrics metrics;
      metrics.add_source([&](metrics::Scrape& scrape) { fleet_.write(scrape); });
      static_cast<void>(metrics.text());
      static_cast<void>(fleet_.starting());
    }
  });
  for (int turn = 0; turn < 4; ++turn) {
    fleet_.apply({stream("a")});
    fleet_.apply({stream("a"), stream("b")});
  }
  EXPECT_THAT(fleet_.ids(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace vedette::daemon::service
