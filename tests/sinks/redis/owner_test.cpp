#include <gtest/gtest.h>

#include "tests/sinks/redis/publisher_fixture.h"

namespace vedette::sinks::redis {
namespace {

using tests::eventually;
using tests::RedisClient;
using tests::RedisServer;

constexpr const char* kEvents = "vedette:{gate}:events";
constexpr const char* kOwner = "vedette:{gate}:owner";

TEST(RedisOwner, OfTwoDaemonsOneWritesAndTheOtherTakesOver) {
  RedisServer server;
  RedisClient client(server.url());
  auto first = std::make_unique<RedisPublisher>(quick(server.url(), "first"));
  first->set_streams({"gate"});
  ASSERT_TRUE(owns(*first));
  RedisPublisher second(quick(server.url(), "second"));
  second.set_streams({"gate"});
  ASSERT_TRUE(eventually([&] { return second.owner("gate") == "first"; }));
  EXPECT_EQ(second.publish(a_record(1)), PublishOutcome::kDroppedNotOwner);
  EXPECT_EQ(first->publish(a_record(1)), PublishOutcome::kAccepted);
  ASSERT_TRUE(eventually([&] { return stats_of(*first).written == 1; }));
  EXPECT_EQ(stats_of(second).dropped.not_owner, 1U);
  StateUpdate update;
  update.stream = "gate";
  update.state = "running";
  second.publish_state(update);
  first.reset();  // gives the lease back
  ASSERT_TRUE(owns(second));
  EXPECT_EQ(second.publish(a_record(2)), PublishOutcome::kAccepted);
  ASSERT_TRUE(eventually([&] { return stats_of(second).written == 1; }));
  EXPECT_EQ(client.entries(kEvents).size(), 2U);
  EXPECT_EQ(client.hash("vedette:{gate}:state").at("owner"), "second");
}

TEST(RedisOwner, ALeaseThatWasTakenAwayFencesTheWriter) {
  RedisServer server;
  RedisClient client(server.url());
  PublisherOptions options = quick(server.url(), "sleeper");
  options.lease_renewal = std::chrono::hours(1);  // it does not notice by itself
  options.lease = std::chrono::hours(1);
  RedisPublisher sleeper(options);
  sleeper.set_streams({"gate"});
  ASSERT_TRUE(owns(sleeper));
  client.run({"SET", kOwner, "other", "PX", "60000"});
  EXPECT_EQ(sleeper.publish(a_record(1)), PublishOutcome::kAccepted);
  ASSERT_TRUE(eventually([&] { return stats_of(sleeper).dropped.not_owner == 1; }));
  EXPECT_EQ(client.entries(kEvents).size(), 0U);
  EXPECT_EQ(sleeper.owner("gate"), "other");
}

TEST(RedisOwner, ALeaseThatRanOutIsTakenAgainWithoutLoss) {
  RedisServer server;
  RedisClient client(server.url());
  PublisherOptions options = quick(server.url());
  options.lease_renewal = std::chrono::hours(1);
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client.run({"DEL", kOwner});
  publisher.publish(a_record(1));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  EXPECT_EQ(client.run({"GET", kOwner}), "me");
}

TEST(RedisOwner, TheLeaseHasATimeToLiveAndIsRenewed) {
  RedisServer server;
  RedisClient client(server.url());
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client.run({"PEXPIRE", kOwner, "400"});
  EXPECT_TRUE(eventually([&] { return std::stoi(client.run({"PTTL", kOwner})) > 1000; }));
}

TEST(RedisOwner, AnOwnerKeyOfAnotherTypeIsNobodysButNoCrash) {
  RedisServer server;
  RedisClient client(server.url());
  client.run({"LPUSH", kOwner, "x"});
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(eventually([&] { return publisher.owner("gate") == "(a key of another type)"; }));
  EXPECT_EQ(publisher.publish(a_record(1)), PublishOutcome::kDroppedNotOwner);
  client.run({"DEL", kOwner});
  ASSERT_TRUE(owns(publisher));
}

TEST(RedisOwner, RecordsQueuedBeforeTheFirstConnectionGoWhenAnotherOwns) {
  RedisServer server;
  RedisClient client(server.url());
  client.run({"SET", kOwner, "other"});
  server.pause();
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  EXPECT_EQ(publisher.publish(a_record(1)), PublishOutcome::kAccepted);
  server.resume();
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).dropped.not_owner == 1; }));
  EXPECT_EQ(client.entries(kEvents).size(), 0U);
}

}  // namespace
}  // namespace vedette::sinks::redis
