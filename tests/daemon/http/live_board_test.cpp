#include "daemon/http/live_board.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/recording_publisher.h"

namespace vedette::daemon::http {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sinks::Kind;
using sinks::RecordState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct LiveBoardTest : ::testing::Test {
  tests::RecordingPublisher next{3};
  EventLog events;
  std::int64_t now_ms = 5000;
  LiveBoard board{next, events, [this] { return now_ms; }};
  bool resumed = false;
  std::unique_ptr<EventLog::Listener> listener = events.listen("", resumed);

  sinks::PublishOutcome publish(const std::string& id, Kind kind, RecordState state, std::uint32_t rev = 0,
                                const std::string& text = "x") {
    sinks::Record record;
    record.id = id;
    record.rev = rev;
    record.stream = "gate";
    record.kind = kind;
    record.state = state;
    record.text = text;
    return board.publish(record);
  }
  void state(const std::string& stream, const std::string& name, const std::string& reason,
             std::int64_t next_try_ms) {
    sinks::StateUpdate update;
    update.stream = stream;
    update.state = name;
    update.reason = reason;
    update.next_try_ms = next_try_ms;
    board.publish_state(update);
  }
  void last_text(const std::string& text) {
    sinks::StateUpdate update;
    update.stream = "gate";
    update.last_text = text;
    board.publish_state(update);
  }
  std::vector<std::string> kept() const {
    std::vector<std::string> ids;
    const json shown = board.show("gate", true);
    for (const json& record : shown["records"]) {
      ids.push_back(record["id"].get<std::string>() + "/" + std::to_string(record["rev"].get<int>()));
    }
    return ids;
  }
  std::string told() const {
    std::string text;
    listener->next(0ms, text);
    return text;
  }
};

TEST_F(LiveBoardTest, PassesEverythingOnAndSaysWhatTheNextSaid) {
  for (const auto expected : {sinks::PublishOutcome::kAccepted, sinks::PublishOutcome::kAccepted,
                              sinks::PublishOutcome::kAccepted, sinks::PublishOutcome::kDroppedFull})
    EXPECT_EQ(publish("a", Kind::kCaption, RecordState::kOpen), expected);
  board.publish_live("gate", "text");
  last_text("words");
  EXPECT_EQ(next.records().size(), 3U);
  EXPECT_EQ(next.live().size(), 1U);
  EXPECT_EQ(next.states().size(), 1U);
}

TEST_F(LiveBoardTest, KeepsTheNewestRevisionsOfTheNewestRecords) {
  for (int i = 1; i <= 5; ++i) publish("c" + std::to_string(i), Kind::kCaption, RecordState::kOpen);
  publish("t1", Kind::kTranscript, RecordState::kUpdate, 3);
  publish("t1", Kind::kTranscript, RecordState::kUpdate, 2);
  publish("c4", Kind::kCaption, RecordState::kClose, 1);
  EXPECT_THAT(kept(), ElementsAre("c3/0", "c4/1", "c5/0", "t1/3"));
  publish("t1", Kind::kTranscript, RecordState::kWithdraw, 4);
  EXPECT_THAT(kept(), ElementsAre("c3/0", "c4/1", "c5/0"));
}

TEST_F(LiveBoardTest, KeepsConditionsWhileTheyLast) {
  publish("s1", Kind::kStatus, RecordState::kOpen);
  publish("s2", Kind::kStatus, RecordState::kOpen);
  publish("s1", Kind::kStatus, RecordState::kClose, 1);
  EXPECT_THAT(kept(), ElementsAre("s2/0"));
}

TEST_F(LiveBoardTest, TellsRecordsWithTheirMomentAndThePicturesAddress) {
  sinks::Record record;
  record.id = "gate-1-1";
  record.stream = "gate";
  record.kind = Kind::kAlert;
  record.text = "<img src=x onerror=alert(1)>\n";
  record.evidence = {"/var/lib/vedette/evidence/gate/1700000000123.jpg", "/etc/passwd", "/x/../UP/17.jpg"};
  board.publish(record);
  const std::string text = told();
  const std::size_t at = text.find("data: ") + 6;
  const json shown = json::parse(text.substr(at, text.find("\n\n") - at));
  EXPECT_EQ(shown["published_ms"], 5000);
  EXPECT_EQ(shown["text"], record.text);
  EXPECT_EQ(shown["pictures"], (json{"/evidence/gate/1700000000123.jpg"}));
  EXPECT_FALSE(shown.contains("evidence")) << "paths of this machine are nobody's business";
}

TEST_F(LiveBoardTest, KnowsTheStateAndSinceWhen) {
  EXPECT_EQ(board.show("gate", false), (json{{"id", "gate"},
                                             {"state", "starting"},
                                             {"reason", ""},
                                             {"shed_reason", ""},
                                             {"next_try_ms", 0},
                                             {"since_ms", 0}}));
  state("gate", "reconnecting", "auth", 7000);
  EXPECT_THAT(told(),
              HasSubstr("event: state\ndata: {\"id\":\"gate\",\"next_try_ms\":7000,\"reason\":\"auth\""));
  last_text("words");
  EXPECT_EQ(told(), "") << "no news of the state";
  const json shown = board.show("gate", true);
  EXPECT_EQ(shown["state"], "reconnecting");
  EXPECT_EQ(shown["since_ms"], 5000);
}

TEST_F(LiveBoardTest, KnowsWhatIsLeftOutForWantOfRoom) {
  state("gate", "running", "", 0);
  now_ms += 1000;
  sinks::StateUpdate update;
  update.stream = "gate";
  update.shed_level = 1;
  update.shed_reason = "every second picture";
  board.publish_state(update);
  EXPECT_THAT(told(), HasSubstr("\"shed_reason\":\"every second picture\""));
  state("gate", "running", "no_audio", 0);
  EXPECT_EQ(board.show("gate", false)["shed_reason"], "every second picture")
      << "until it is said to be over";
}

TEST_F(LiveBoardTest, KnowsHowLongAStreamHasBeenInTrouble) {
  const auto since = [&](const std::string& name, const std::string& reason) {
    now_ms += 1000;
    state("gate", name, reason, 0);
    return board.show("gate", false)["since_ms"].get<std::int64_t>();
  };
  EXPECT_EQ(since("starting", ""), 6000);
  EXPECT_EQ(since("running", ""), 7000);
  EXPECT_EQ(since("running", "no_audio"), 8000);
  EXPECT_EQ(since("reconnecting", "eos"), 9000);
  EXPECT_EQ(since("starting", ""), 9000);
  EXPECT_EQ(since("reconnecting", "refused"), 9000) << "one time of trouble";
  EXPECT_EQ(since("running", ""), 12'000);
}

TEST_F(LiveBoardTest, RemembersABoundedNumberOfStreams) {
  for (int i = 0; i < 600; ++i) state("s" + std::to_string(i), "running", "", 0);
  EXPECT_EQ(board.show("s0", false)["state"], "starting") << "the oldest is forgotten";
  EXPECT_EQ(board.show("s599", false)["state"], "running");
  board.forget("s599");
  EXPECT_EQ(board.show("s599", false)["state"], "starting");
}

TEST_F(LiveBoardTest, SurvivesTextThatIsNoUtf8) {
  publish("a", Kind::kCaption, RecordState::kOpen, 0, "\xff\xfe");
  EXPECT_THAT(told(), HasSubstr("\xef\xbf\xbd"));
  EXPECT_NO_THROW(to_line(board.show("gate", true)));
}

}  // namespace
}  // namespace vedette::daemon::http
