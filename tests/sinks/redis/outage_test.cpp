#include <gtest/gtest.h>

#include "tests/sinks/redis/publisher_fixture.h"
#include "tests/support/cutting_proxy.h"

namespace vedette::sinks::redis {
namespace {

using tests::CuttingProxy;
using tests::eventually;
using tests::RedisClient;
using tests::RedisServer;

constexpr const char* kEvents = "vedette:{gate}:events";

void expect_each_once(RedisClient& client, int count) {
  const auto entries = client.entries(kEvents);
  ASSERT_EQ(entries.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) EXPECT_EQ(entries[i].fields.at("text"), "words " + std::to_string(i));
}

TEST(RedisOutage, WhatWasSentBeforeTheStartIsWrittenWhenRedisComes) {
  RedisServer server;
  server.shut_down();
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  for (int i = 0; i < 50; ++i) ASSERT_EQ(publisher.publish(a_record(i)), PublishOutcome::kAccepted);
  ASSERT_TRUE(eventually([&] { return publisher.stats().errors[0] > 2; }));
  EXPECT_FALSE(publisher.stats().up);
  server.start();
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 50; }));
  EXPECT_TRUE(publisher.stats().up);
  RedisClient client(server.url());
  expect_each_once(client, 50);
}

TEST(RedisOutage, TheQueueIsBoundedByCountAndTheRestIsCounted) {
  RedisServer server;
  server.shut_down();
  PublisherOptions options = quick(server.url());
  options.queue_records = 20;
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  for (int i = 0; i < 1000; ++i) publisher.publish(a_record(i));
  EXPECT_EQ(stats_of(publisher).dropped.full, 980U);
  EXPECT_EQ(publisher.stats().queue_records, 20U);
  server.start();
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 20; }));
  RedisClient client(server.url());
  expect_each_once(client, 20);
}

TEST(RedisOutage, TheQueueIsBoundedByBytes) {
  RedisServer server;
  server.shut_down();
  PublisherOptions options = quick(server.url());
  options.queue_bytes = 100'000;
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  Record big = a_record(0);
  big.text.assign(30'000, 'x');  // twice in the entry: flat and in the JSON
  EXPECT_EQ(publisher.publish(big), PublishOutcome::kAccepted);
  EXPECT_EQ(publisher.publish(big), PublishOutcome::kDroppedFull);
  EXPECT_LE(publisher.stats().queue_bytes, 100'000U);
}

TEST(RedisOutage, AServerThatHangsDelaysButLosesAndDoublesNothing) {
  RedisServer server;
  RedisClient client(server.url());
  PublisherOptions options = quick(server.url());
  options.connection.reply_timeout = std::chrono::milliseconds(300);
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  for (int i = 0; i < 10; ++i) publisher.publish(a_record(i));
  ASSERT_TRUE(
      eventually([&] { return stats_of(publisher).written + stats_of(publisher).known_before == 10; }));
  server.pause();
  for (int i = 10; i < 30; ++i) publisher.publish(a_record(i));
  // The command lies in the socket's buffer: Redis will run it on resuming, after we have given up on its
  // reply.
  ASSERT_TRUE(
      eventually([&] { return publisher.stats().errors[static_cast<int>(ErrorClass::kTimeout)] > 0; }));
  server.resume();
  ASSERT_TRUE(eventually([&] {
    const auto stats = stats_of(publisher);
    return stats.written + stats.known_before == 30;
  }));
  expect_each_once(client, 30);
}

TEST(RedisOutage, ARestartedServerWithoutItsDataIsFilledAnew) {
  RedisServer server;
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  publisher.publish(a_record(0));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  server.shut_down();
  publisher.publish(a_record(0));
  server.start();
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 2; }));
  RedisClient client(server.url());
  expect_each_once(client, 1);
  EXPECT_EQ(client.run({"SMEMBERS", "vedette:streams"}), "gate");
  EXPECT_EQ(client.hash("vedette:{gate}:state").at("owner"), "me");
}

TEST(RedisOutage, ALostReplyIsFoundByLookingTheRefusedIdUp) {
  RedisServer server;
  RedisClient client(server.url());
  CuttingProxy proxy(server.port());
  RedisPublisher publisher(quick(proxy.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  proxy.cut_after("gate-1-1");
  for (int i = 0; i < 3; ++i) publisher.publish(a_record(i));
  ASSERT_TRUE(eventually([&] {
    const auto stats = stats_of(publisher);
    return stats.written + stats.known_before == 3;
  }));
  EXPECT_EQ(proxy.cuts(), 1);
  EXPECT_GE(stats_of(publisher).known_before, 1U);
  EXPECT_EQ(stats_of(publisher).restamped, 0U);
  expect_each_once(client, 3);
}

TEST(RedisOutage, ALostReplyWithAnotherRevisionThereIsStampedAnew) {
  RedisServer server;
  RedisClient client(server.url());
  PublisherOptions options = quick(server.url());
  options.now_ms = [] { return std::int64_t{1000}; };
  options.lease_renewal = std::chrono::hours(1);
  options.retention = {};
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client.run({"XADD", kEvents, "1000-0", "id", "gate-1-7", "rev", "1"});
  publisher.publish(a_record(7, 2));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  EXPECT_EQ(stats_of(publisher).restamped, 1U);
  EXPECT_EQ(client.entries(kEvents).size(), 2U);
  // The same with the revision that is there already: delivered before, nothing is written.
  client.run({"XADD", kEvents, "1000-2", "id", "gate-1-8", "rev", "3"});
  publisher.publish(a_record(8, 3));
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).known_before == 1; }));
  EXPECT_EQ(client.entries(kEvents).size(), 3U);
}

TEST(RedisOutage, OutOfMemoryIsWaitedOut) {
  RedisServer server({"--maxmemory-policy", "noeviction"});
  RedisClient client(server.url());
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client.run({"CONFIG", "SET", "maxmemory", "1"});
  for (int i = 0; i < 10; ++i) publisher.publish(a_record(i));
  ASSERT_TRUE(
      eventually([&] { return publisher.stats().errors[static_cast<int>(ErrorClass::kOutOfMemory)] > 0; }));
  EXPECT_EQ(stats_of(publisher).written, 0U);
  client.run({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 10; }));
  expect_each_once(client, 10);
}

TEST(RedisOutage, AReplicaIsLeftAndTriedAgain) {
  RedisServer server;
  RedisClient client(server.url());
  RedisPublisher publisher(quick(server.url()));
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  client.run({"REPLICAOF", "127.0.0.1", "1"});
  publisher.publish(a_record(0));
  ASSERT_TRUE(
      eventually([&] { return publisher.stats().errors[static_cast<int>(ErrorClass::kReadOnly)] > 0; }));
  ASSERT_TRUE(eventually([&] { return publisher.stats().connections > 2; }));
  EXPECT_FALSE(publisher.stats().up);
  client.run({"REPLICAOF", "NO", "ONE"});
  ASSERT_TRUE(eventually([&] { return stats_of(publisher).written == 1; }));
  EXPECT_TRUE(eventually([&] { return publisher.stats().up; }));
}

TEST(RedisOutage, APasswordIsNeededAndUsed) {
  RedisServer server({"--requirepass", "open sesame"});
  const std::string port = std::to_string(server.port());
  RedisPublisher without(quick(server.url(), "without"));
  ASSERT_TRUE(eventually([&] { return without.stats().errors[static_cast<int>(ErrorClass::kAuth)] > 0; }));
  EXPECT_NE(without.stats().problem.find("NOAUTH"), std::string::npos);
  RedisPublisher wrong(quick("redis://:nonsense@127.0.0.1:" + port, "wrong"));
  ASSERT_TRUE(eventually([&] { return wrong.stats().errors[static_cast<int>(ErrorClass::kAuth)] > 0; }));
  RedisPublisher right(quick("redis://default:open%20sesame@127.0.0.1:" + port, "right"));
  right.set_streams({"gate"});
  right.publish(a_record(0));
  EXPECT_TRUE(eventually([&] { return stats_of(right).written == 1; }));
}

TEST(RedisOutage, StopDoesNotWaitForAServerThatHangs) {
  RedisServer server;
  PublisherOptions options = quick(server.url());
  options.drain = std::chrono::milliseconds(50);
  options.connection.reply_timeout = std::chrono::hours(1);
  RedisPublisher publisher(options);
  publisher.set_streams({"gate"});
  ASSERT_TRUE(owns(publisher));
  server.pause();
  publisher.publish(a_record(0));
  publisher.stop();  // would hang for an hour
  EXPECT_EQ(stats_of(publisher).dropped.closed, 1U);
}

}  // namespace
}  // namespace vedette::sinks::redis
