#include "sinks/redis/publisher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/sinks/redis/publisher_fixture.h"

namespace vedette::sinks::redis {
namespace {

using tests::eventually;
using tests::RedisClient;
using tests::RedisServer;

constexpr const char* kEvents = "vedette:{gate}:events";

class RedisPublisherTest : public testing::Test {
 protected:
  RedisServer server_;
  RedisClient client_{server_.url()};
};

TEST_F(RedisPublisherTest, WritesRecordsInOrderWithFlatFieldsAndJson) {
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate"});
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(publisher.publish(a_record(i)), PublishOutcome::kAccepted);
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1000; }));
  const auto entries = client_.entries(kEvents);
  ASSERT_EQ(entries.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    const auto& fields = entries[i].fields;
    EXPECT_EQ(fields.at("id"), "gate-1-" + std::to_string(i));
    EXPECT_EQ(nlohmann::json::parse(fields.at("json"))["text"], "words " + std::to_string(i));
  }
  EXPECT_EQ(client_.run({"SMEMBERS", "vedette:streams"}), "gate");
  EXPECT_EQ(stats_of(publisher).restamped, 0U);
  EXPECT_EQ(publisher.stats().queue_records, 0U);
  EXPECT_EQ(publisher.stats().queue_bytes, 0U);
}

TEST_F(RedisPublisherTest, WorksOverAUnixSocketInAnotherDatabase) {
  RedisPublisher publisher(quick("unix://" + server_.socket().string() + "?db=3"));
  publisher.set_streams({"gate"});
  publisher.publish(a_record(1));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  client_.run({"SELECT", "3"});
  EXPECT_EQ(client_.entries(kEvents).size(), 1U);
}

TEST_F(RedisPublisherTest, AlertsGoToBothStreams) {
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate"});
  Record alert = a_record(1);
  alert.kind = Kind::kAlert;
  alert.rule = "smoke";
  alert.score = 0.75;
  publisher.publish(alert);
  ASSERT_TRUE(eventually([&] { return client_.entries("vedette:alerts").size() == 1; }));
  ASSERT_TRUE(eventually([&] { return client_.entries(kEvents).size() == 1; }));
  EXPECT_EQ(client_.entries("vedette:alerts")[0].fields.at("score"), "0.75");
}

TEST_F(RedisPublisherTest, EntryIdsFollowTheClockAndGoOnAfterARestart) {
  std::atomic<std::int64_t> now = 5000;
  PublisherOptions options = quick(server_.url());
  options.retention = {};
  options.now_ms = [&] { return now.load(); };
  {
    RedisPublisher publisher(options);
    publisher.set_streams({"gate"});
    ASSERT_TRUE(owns(publisher));
    publisher.publish(a_record(1));
    now = 100;  // the clock is set back
    publisher.publish(a_record(2));
    now = 6000;
    publisher.publish(a_record(3));
    ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 3; }));
  }
  now = 200;
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  publisher.publish(a_record(4));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  std::vector<std::string> ids;
  for (const auto& entry : client_.entries(kEvents)) ids.push_back(entry.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"5000-0", "5000-1", "6000-0", "6000-1"}));
  EXPECT_EQ(stats_of(publisher).restamped, 0U);
}

TEST_F(RedisPublisherTest, StampsAnewWhatAnotherHandHasOvertakenAndKeepsTheOrder) {
  PublisherOptions options = quick(server_.url());
  options.retention = {};
  options.now_ms = [] { return std::int64_t{1000}; };
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  publisher.publish(a_record(1));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  client_.run({"XADD", kEvents, "7777-3", "by", "hand"});
  for (int i = 2; i < 6; ++i) publisher.publish(a_record(i));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 5; }));
  const auto entries = client_.entries(kEvents);
  ASSERT_EQ(entries.size(), 6U);
  for (int i = 2; i < 6; ++i) EXPECT_EQ(entries[i].fields.at("id"), "gate-1-" + std::to_string(i));
  EXPECT_EQ(entries[2].id, "7777-4");
  EXPECT_GT(stats_of(publisher).restamped, 0U);
}

TEST_F(RedisPublisherTest, AStreamWithoutIdsLeftCostsOnlyItself) {
  client_.run({"XADD", kEvents, "18446744073709551615-18446744073709551615", "by", "hand"});
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate", "yard"});
  for (int i = 0; i < 5; ++i) {
    publisher.publish(a_record(i));
    publisher.publish(a_record(i, 0, "yard"));
  }
  EXPECT_TRUE(eventually([&] { return stats_of(publisher).dropped.rejected == 5; }));
  EXPECT_TRUE(eventually([&] { return stats_of(publisher, "yard").written == 5; }));
  EXPECT_EQ(publisher.stats().queue_records, 0U);
}

TEST_F(RedisPublisherTest, TrimsToTheRetention) {
  std::atomic<std::int64_t> now = 1'000'000;
  PublisherOptions options = quick(server_.url());
  options.retention = std::chrono::seconds(10);
  options.now_ms = [&] { return now.load(); };
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  for (int i = 0; i < 500; ++i) publisher.publish(a_record(i));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 500; }));
  now += 60'000;
  publisher.publish(a_record(500));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 501; }));
  // MINID ~ frees whole nodes of the radix tree, 100 entries each by default (stream-node-max-entries).
  EXPECT_LE(client_.entries(kEvents).size(), 101U);
  now += 60'000;
  publisher.set_retention(std::chrono::hours(1));
  for (int i = 501; i < 701; ++i) publisher.publish(a_record(i));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 701; }));
  EXPECT_GT(client_.entries(kEvents).size(), 200U);  // those from before stay
}

TEST_F(RedisPublisherTest, StateHashHoldsTheNewestOfEachField) {
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate"});
  StateUpdate update;
  update.stream = "gate";
  update.state = "reconnecting";
  update.reason = "auth";
  update.next_try_ms = 42;
  publisher.publish_state(update);
  StateUpdate later;
  later.stream = "gate";
  later.reason = "refused";
  later.fps = 12.5;
  later.last_text = std::string(100'000, 'x');
  publisher.publish_state(later);
  ASSERT_TRUE(eventually([&] { return client_.hash("vedette:{gate}:state").count("fps") == 1; }));
  const auto state = client_.hash("vedette:{gate}:state");
  EXPECT_EQ(state.at("state"), "reconnecting");
  EXPECT_EQ(state.at("reason"), "refused");
  EXPECT_EQ(state.at("next_try_ms"), "42");
  EXPECT_EQ(state.at("fps"), "12.5");
  EXPECT_EQ(state.at("owner"), "me");
  EXPECT_EQ(state.at("last_text").size(), 8192U);
}

TEST_F(RedisPublisherTest, LiveTextGoesToWhoListens) {
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client_.run({"SUBSCRIBE", "vedette:live:{gate}"});
  publisher.publish_live("gate", "a word");
  EXPECT_EQ(client_.next(), "message vedette:live:{gate} a word");
}

TEST_F(RedisPublisherTest, AnswersTellWhenTheyAreWritten) {
  RedisPublisher publisher(quick(server_.url()));
  std::atomic<int> written = 0;
  Answer answer;
  answer.id = "q";
  answer.state = AnswerState::kFinal;
  EXPECT_EQ(publisher.publish_answer(answer, [&](bool there) { written += there ? 1 : 0; }),
            PublishOutcome::kAccepted);
  ASSERT_TRUE(eventually([&] { return written == 1; }));
  ASSERT_EQ(client_.entries("vedette:answers").size(), 1U);
}

TEST_F(RedisPublisherTest, AKeyOfAnotherTypeCostsOnlyThatStream) {
  client_.run({"SET", kEvents, "mine"});
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate", "yard"});
  for (int i = 0; i < 10; ++i) {
    publisher.publish(a_record(i));
    publisher.publish(a_record(i, 0, "yard"));
  }
  ASSERT_TRUE(eventually([&] { return stats_of(publisher, "yard").written == 10; }));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).dropped.rejected == 10; }));
  EXPECT_EQ(publisher.stats().queue_records, 0U);
  client_.run({"DEL", kEvents});
  publisher.publish(a_record(11));
  EXPECT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
}

TEST_F(RedisPublisherTest, StreamsComeAndGo) {
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate", "yard"});
  ASSERT_TRUE(owns(publisher, "yard"));
  StateUpdate last;
  last.stream = "yard";
  last.state = "stopped";
  publisher.publish_state(last);
  publisher.set_streams({"gate"});
  EXPECT_TRUE(eventually([&] { return client_.run({"SMEMBERS", "vedette:streams"}) == "gate"; }));
  EXPECT_TRUE(eventually([&] { return client_.run({"GET", "vedette:{yard}:owner"}) == "(nil)"; }));
  EXPECT_EQ(client_.hash("vedette:{yard}:state").at("state"), "stopped");  // what was said last is written
  EXPECT_EQ(publisher.publish(a_record(1, 0, "yard")), PublishOutcome::kDroppedNotOwner);
  EXPECT_EQ(publisher.stats().unknown_stream, 1U);
}

TEST_F(RedisPublisherTest, StopWritesWhatWaitsAndGivesTheLeaseBack) {
  RedisPublisher publisher(quick(server_.url()));
  publisher.set_streams({"gate"});
  for (int i = 0; i < 2000; ++i) publisher.publish(a_record(i));
  publisher.stop();
  EXPECT_EQ(client_.entries(kEvents).size(), 2000U);
  EXPECT_EQ(client_.run({"GET", "vedette:{gate}:owner"}), "(nil)");
  EXPECT_EQ(publisher.publish(a_record(1)), PublishOutcome::kDroppedClosed);
  EXPECT_EQ(stats_of(publisher).dropped.closed, 1U);
}

TEST_F(RedisPublisherTest, ManyThreadsPublishAtOnce) {
  PublisherOptions options = quick(server_.url());
  options.queue_records = 100'000;
  RedisPublisher publisher(options);
  publisher.set_streams({"gate", "yard", "hall", "roof"});
  std::vector<std::thread> threads;
  for (const char* stream : {"gate", "yard", "hall", "roof"}) {
    threads.emplace_back([&publisher, stream] {
      for (int i = 0; i < 500; ++i) {
        publisher.publish(a_record(i, 0, stream));
        publisher.publish_live(stream, "x");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const char* stream : {"gate", "yard", "hall", "roof"}) {
    ASSERT_TRUE(eventually([&] { return stats_of(publisher, stream).written == 500; })) << stream;
    const auto entries = client_.entries(std::string("vedette:{") + stream + "}:events");
    for (int i = 0; i < 500; ++i) EXPECT_EQ(entries[i].fields.at("text"), "words " + std::to_string(i));
  }
}

}  // namespace
}  // namespace vedette::sinks::redis
